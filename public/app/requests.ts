/** What was asked over the connection and is not answered yet. */

import type { Reply } from "./wire.ts";

/** Requests for history, by the `ref` that their answers repeat. */
export class Requests {
  readonly #open = new Map<string, PromiseWithResolvers<Reply<"history">>>();
  #refs = 0;

  /**
   * Asks by `send`, which gets the `ref` and tells whether it could.
   * @throws Error when refused or cut off
   */
  ask(send: (ref: string) => boolean): Promise<Reply<"history">> {
    const ref = `q${++this.#refs}`;
    const request = Promise.withResolvers<Reply<"history">>();
    this.#open.set(ref, request);
    if (!send(ref)) this.refuse(ref, "Not connected.");
    return request.promise;
  }

  /** Takes an answer. */
  answer(frame: Reply<"history">): void {
    this.#take(frame.ref)?.resolve(frame);
  }

  /** Takes a refusal; nothing happens when it is of something else. */
  refuse(ref: unknown, message: string): void {
    this.#take(ref)?.reject(new Error(message));
  }

  /** The line was cut: nothing will be answered any more. */
  refuseAll(): void {
    for (const ref of this.#open.keys()) this.refuse(ref, "The connection was cut.");
  }

  #take(ref: unknown) {
    const request = this.#open.get(String(ref));
    this.#open.delete(String(ref));
    return request;
  }
}
