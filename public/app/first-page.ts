/** What stands in place of a conversation while no room is open. */

import { element, find, setText } from "./element.ts";
import { createNameField } from "./name-field.ts";
import { describeFailure } from "./switcher.ts";

/** Shows the page of somebody who has no room. `start` gets a name and a room. */
export class FirstPage {
  readonly #section = find("first", HTMLElement);

  constructor(name: string, address: string, start: (name: string, room: string) => void) {
    const field = createNameField(name);
    const room = element("input", { type: "text", value: address, spellcheck: false });
    room.autocomplete = "off";
    const complaint = element("span", { className: "complaint", role: "alert" });
    const form = element(
      "form",
      { className: "start" },
      field.label,
      element("label", {}, "Room", room, complaint),
      element("button", { type: "submit", className: "primary" }, "Join the room"),
    );
    form.onsubmit = (event) => {
      event.preventDefault();
      const failure = describeFailure(room.value.trim());
      setText(complaint, failure ?? "");
      const chosen = field.check();
      if (chosen !== undefined && failure === undefined) start(chosen, room.value.trim());
    };
    const base = new URL(".", location.href).href;
    this.#section.append(
      element("h2", {}, "Join a room to begin"),
      element(
        "p",
        {},
        "A room is there as soon as somebody uses its name. Share it to meet there.",
      ),
      form,
      element("h3", {}, "Or talk from a terminal"),
      command(`curl -d 'Hello from curl' ${base}rooms/general/messages`),
      command(`curl -N ${base}rooms/general/events`),
    );
  }

  /** Shows or hides the page. */
  render(isShown: boolean): void {
    if (this.#section.hidden !== isShown) return;
    this.#section.hidden = !isShown;
    if (isShown) {
      const empty = [...this.#section.querySelectorAll("input")].find(({ value }) => value === "");
      empty?.focus();
    }
  }
}

function command(line: string): HTMLElement {
  const code = element("code", {}, line);
  const copy = element("button", { type: "button", className: "quiet" }, "Copy");
  copy.onclick = async () => {
    getSelection()?.selectAllChildren(code);
    // On plain HTTP from another host there is no clipboard: the line is selected, ready for Ctrl-C.
    if (navigator.clipboard === undefined) return;
    await navigator.clipboard.writeText(line).then(
      () => setText(copy, "Copied"),
      () => setText(copy, "Press Ctrl-C"),
    );
    setTimeout(() => setText(copy, "Copy"), 2_000);
  };
  return element("div", { className: "command" }, code, copy);
}
