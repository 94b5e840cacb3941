/** Drafts that wait to be stored, bounded in number and bytes. */

import { bodyBytes, type Draft } from "../hub/message.ts";
import type { Published } from "../hub/ports.ts";
import type { PartylineError } from "../protocol/errors.ts";
import type { SizedDraft } from "./store-log.ts";

/** A draft and whoever waits for it. */
export interface Pending extends SizedDraft {
  readonly resolve: (published: Published) => void;
  readonly reject: (error: PartylineError) => void;
}

/** What one transaction takes at most, so that none holds the event loop for long. */
const commitMessagesMax = 256;
const commitBytesMax = 262_144;

/** Drafts in the order in which they came. */
export class StoreQueue {
  readonly #messagesMax: number;
  readonly #bytesMax: number;
  #pending: Pending[] = [];
  #bytes = 0;

  constructor(messagesMax = 16_384, bytesMax = 67_108_864) {
    this.#messagesMax = messagesMax;
    this.#bytesMax = bytesMax;
  }

  get isEmpty(): boolean {
    return this.#pending.length === 0;
  }

  /** Adds a draft and returns what its publisher waits for, or undefined where too many wait. */
  add(draft: Draft): Promise<Published> | undefined {
    const bytes = bodyBytes(draft.body);
    if (this.#pending.length >= this.#messagesMax) return undefined;
    // A single message is taken whatever its size: its own limit is the publisher's.
    if (this.#bytes > 0 && this.#bytes + bytes > this.#bytesMax) return undefined;
    this.#bytes += bytes;
    return new Promise((resolve, reject) => {
      this.#pending.push({ draft, bytes, resolve, reject });
    });
  }

  /** Takes what the next transaction stores, oldest first. */
  take(): Pending[] {
    let count = 0;
    let bytes = 0;
    for (const pending of this.#pending) {
      if (count === commitMessagesMax || (count > 0 && bytes + pending.bytes > commitBytesMax)) {
        break;
      }
      count += 1;
      bytes += pending.bytes;
    }
    this.#bytes -= bytes;
    return this.#pending.splice(0, count);
  }

  /** Takes all there is. */
  takeAll(): Pending[] {
    const all = this.#pending;
    this.#pending = [];
    this.#bytes = 0;
    return all;
  }
}

/** Resolves publishes to their places, which are in the same order. */
export function answer(batch: readonly Pending[], published: readonly Published[]): void {
  batch.forEach(({ resolve }, index) => {
    const place = published[index];
    if (place !== undefined) resolve(place);
  });
}
