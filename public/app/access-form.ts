/** Asks for a token: in place of the page while there is nothing to show, else above what is there. */

import type { Access } from "./access.ts";
import { element, find, setText } from "./element.ts";
import { readToken } from "./token.ts";

const notOne = "That is not a token: it has three parts of letters, digits, - and _ with dots.";

/** What the form stands before. */
export interface Gate {
  readonly access: Access;
  /** Nothing goes on without another token. */
  readonly isBarred: boolean;
  /** There is nothing to show but the form. */
  readonly isEmpty: boolean;
  /** Where a token comes from. */
  readonly whence: string;
  authenticate(token: string): void;
  /** Goes on without a token; undefined where that leads nowhere. */
  readonly signOut?: () => void;
}

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
  readonly #gate: Gate;

  constructor(gate: Gate, onChange: () => void) {
    this.#gate = gate;
    // Neither kept by the browser's forms nor offered to a store of passwords.
    this.#input.autocomplete = "off";
    this.#input.setAttribute("autocapitalize", "off");
    const label = element("label", {}, "Token", this.#input, this.#complaint);
    const actions = element("p", { className: "actions" }, this.#submit, this.#without);
    const form = element("form", { className: "start" }, label, actions);
    form.onsubmit = (event) => {
      event.preventDefault();
      const token = readToken(this.#input.value);
      gate.access.complaint = token === undefined ? notOne : "";
      this.#input.select(); // the next one that is pasted takes its place
      if (token !== undefined) gate.authenticate(token);
      onChange();
    };
    this.#without.onclick = () => {
      const { isBarred } = gate;
      gate.access.asking = undefined;
      if (isBarred) gate.signOut?.();
      onChange();
    };
    this.#section.append(this.#title, this.#reason, form, this.#hint);
    setInterval(() => this.render(), 500); // a countdown is in it
  }

  /** Shows what is asked for now. */
  render(): void {
    const { access, isBarred, isEmpty, whence, signOut } = this.#gate;
    const { asking } = access;
    const isOpening = this.#section.hidden && asking !== undefined;
    this.#section.hidden = asking === undefined;
    if (asking === undefined) {
      this.#input.value = "";
      return;
    }
    const isExpiring = asking.kind === "expiring";
    const isWhole = !isExpiring && isEmpty;
    this.#section.classList.toggle("whole", isWhole);
    setText(this.#title, isExpiring ? "Your token runs out" : "A token is needed");
    setText(this.#reason, isExpiring ? timeLeft(asking.endsAt) : asking.reason);
    setText(this.#complaint, access.complaint);
    setText(this.#submit, isExpiring ? "Renew" : "Use this token");
    this.#without.hidden = isBarred && signOut === undefined;
    setText(this.#without, isBarred ? "Try without a token" : "Not now");
    this.#hint.hidden = !isWhole;
    setText(this.#hint, `It is kept in this tab only, until you close it. ${whence}`);
    // While somebody writes a message, a warning must not take the cursor away.
    if (isOpening && !isExpiring) this.#input.focus();
  }
}

function timeLeft(endsAt: number): string {
  const seconds = Math.max(0, Math.ceil((endsAt - Date.now()) / 1_000));
  return `It holds for ${seconds} s more. Paste a new one to go on without a break.`;
}
