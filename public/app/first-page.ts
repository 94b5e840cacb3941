/** What stands in place of a conversation while no room is open. */

import { createCommandLine } from "./command-line.ts";
import { element, find, setText } from "./element.ts";
import { createNameField } from "./name-field.ts";
import { describeFailure } from "./switcher.ts";

/** Shows the page of somebody who has no room. `start` gets a name and a room. */
export class FirstPage {
  readonly #section = find("first", HTMLElement);
  readonly #nameLabel: HTMLElement;
  /** The name of the token's user, who chooses none here. */
  #givenName: string | undefined;

  constructor(name: string, address: string, start: (name: string, room: string) => void) {
    const field = createNameField(name);
    this.#nameLabel = field.label;
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
      const chosen = this.#givenName ?? field.check();
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
      command(`-d 'Hello from curl' ${base}rooms/general/messages`),
      command(`-N ${base}rooms/general/events`),
    );
  }

  /** Shows or hides the page. `givenName` is a token's, undefined for who may choose one. */
  render(isShown: boolean, givenName: string | undefined): void {
    this.#givenName = givenName;
    this.#nameLabel.hidden = givenName !== undefined;
    for (const credential of this.#section.querySelectorAll<HTMLElement>(".credential")) {
      // Whoever copies the line puts the token in: it must not end up in a shell's history.
      setText(credential, givenName === undefined ? "" : '-H "Authorization: Bearer $TOKEN" ');
    }
    if (this.#section.hidden !== isShown) return;
    this.#section.hidden = !isShown;
    if (isShown) {
      const empty = [...this.#section.querySelectorAll("input")].find(({ value }) => value === "");
      empty?.focus();
    }
  }
}

function command(rest: string): HTMLElement {
  return createCommandLine("curl ", element("span", { className: "credential" }), rest);
}
