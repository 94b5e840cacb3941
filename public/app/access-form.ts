/** Asks for a token: in place of the page while there is nothing to show, else above what is there. */

import { element, find, setText } from "./element.ts";
import type { Session } from "./session.ts";
import { readToken } from "./token.ts";

const notOne = "That is not a token: it has three parts of letters, digits, - and _ with dots.";

/** The form. What is typed into it goes to the server, and into nothing that the browser keeps. */
export class AccessForm {
  readonly #section = find("access", HTMLElement);
  readonly #title = element("h2");
  readonly #reason = element("p", { className: "reason", role: "status" });
  readonly #hint = element("p", { className: "hint" });
  readonly #input = element("input", { type: "text", className: "secret", spellcheck: false });
  readonly #complaint = element("span", { className: "complaint", role: "alert" });
  readonly #submit = element("button", { type: "submit", className: "primary" });
  readonly #without = element("button", { type: "button", className: "quiet" });
  readonly #session: Session;

  constructor(session: Session, onChange: () => void) {
    this.#session = session;
    // Neither kept by the browser's forms nor offered to a store of passwords.
    this.#input.autocomplete = "off";
    this.#input.setAttribute("autocapitalize", "off");
    const label = element("label", {}, "Token", this.#input, this.#complaint);
    const actions = element("p", { className: "actions" }, this.#submit, this.#without);
    const form = element("form", { className: "start" }, label, actions);
    form.onsubmit = (event) => {
      event.preventDefault();
      const token = readToken(this.#input.value);
      session.access.complaint = token === undefined ? notOne : "";
      this.#input.select(); // the next one that is pasted takes its place
      if (token !== undefined) session.authenticate(token);
      onChange();
    };
    this.#without.onclick = () => {
      const isBarred = session.state.kind === "barred";
      session.access.asking = undefined;
      if (isBarred) session.signOut();
      onChange();
    };
    this.#section.append(this.#title, this.#reason, form, this.#hint);
    setInterval(() => this.render(), 500); // a countdown is in it
  }

  /** Shows what the session holds now. */
  render(): void {
    const { access, current, state } = this.#session;
    const { asking } = access;
    const isOpening = this.#section.hidden && asking !== undefined;
    this.#section.hidden = asking === undefined;
    if (asking === undefined) {
      this.#input.value = "";
      return;
    }
    const isExpiring = asking.kind === "expiring";
    const isWhole = !isExpiring && (current === undefined || current.log.entries.length === 0);
    this.#section.classList.toggle("whole", isWhole);
    setText(this.#title, isExpiring ? "Your token runs out" : "A token is needed");
    setText(this.#reason, isExpiring ? timeLeft(asking.endsAt) : asking.reason);
    setText(this.#complaint, access.complaint);
    setText(this.#submit, isExpiring ? "Renew" : "Use this token");
    setText(this.#without, state.kind === "barred" ? "Try without a token" : "Not now");
    this.#hint.hidden = !isWhole;
    const whence = "Whoever runs this server can give you one; paste it above.";
    setText(this.#hint, `${whence} It is kept in this tab only, until you close it.`);
    // While somebody writes a message, a warning must not take the cursor away.
    if (isOpening && !isExpiring) this.#input.focus();
  }
}

function timeLeft(endsAt: number): string {
  const seconds = Math.max(0, Math.ceil((endsAt - Date.now()) / 1_000));
  return `It holds for ${seconds} s more. Paste a new one to go on without a break.`;
}
