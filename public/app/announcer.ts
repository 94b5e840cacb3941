/** Says new messages to screen readers, a few at a time. */

import type { Message } from "../../src/client/contract.ts";
import { contentText } from "./content.ts";
import { find } from "./element.ts";
import { countText } from "./words.ts";

const gatherMs = 700;
const spokenMax = 3;
const spokenLengthMax = 300;

/** Gathers messages, so that a busy room is summed up instead of read out for minutes. */
export class Announcer {
  readonly #region = find("announcer", HTMLElement);
  #waiting: Message[] = [];

  /** Says a message of the room in view soon. */
  announce(message: Message): void {
    this.#waiting.push(message);
    if (this.#waiting.length === 1) setTimeout(() => this.#say(), gatherMs);
  }

  #say(): void {
    const messages = this.#waiting;
    this.#waiting = [];
    const spoken = messages.map((message) => {
      return `${message.from.name}: ${contentText(message).slice(0, spokenLengthMax)}`;
    });
    this.#region.textContent =
      spoken.length > spokenMax ? countText(spoken.length, "new message") : spoken.join(". ");
  }
}
