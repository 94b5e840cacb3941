/** What one reader was told, held to the promise: in order, each once, and every hole said. */

import type { GapFrame } from "../../src/protocol/frame.ts";
import { parsePosition } from "../../src/protocol/position.ts";

/**
 * A reader's memory over all its connections. What breaks the promise is thrown, and kept in
 * `failure`, since whoever calls back may swallow what is thrown.
 */
export class ReaderLog {
  readonly name: string;
  /** Where it stands; null before it was ever told. */
  offset: number | null = null;
  epoch = "";
  readonly gaps: GapFrame[] = [];
  received = 0;
  /** Ids of the messages, in order. */
  readonly ids: string[] = [];
  failure: Error | null = null;

  constructor(name: string) {
    this.name = name;
  }

  /** The position to come back with; `fallback` before there is one. */
  since(fallback: "start" | "end" = "end"): string {
    return this.offset === null ? fallback : `${this.epoch}:${this.offset}`;
  }

  /** A connection was told that it stands here, and `gap` if it was told of one beforehand. */
  stand(position: string, gap?: GapFrame): void {
    const { epoch, offset } = this.#parse(position);
    if (this.offset !== null && gap === undefined) {
      this.#expect(epoch === this.epoch && offset === this.offset, `stands at ${position}`);
    }
    this.epoch = epoch;
    this.offset = offset;
  }

  gap(gap: GapFrame): void {
    const { epoch, offset } = this.#parse(gap.to);
    if (this.offset !== null) {
      this.#expect(gap.from === this.since(), `is told of a gap from ${gap.from}`);
      this.#expect(gap.reason === "reset" || offset > this.offset, `has a gap to ${gap.to}`);
    }
    this.gaps.push(gap);
    this.epoch = epoch;
    this.offset = offset;
  }

  message(position: string, id = ""): void {
    const { epoch, offset } = this.#parse(position);
    if (this.offset !== null) {
      this.#expect(epoch === this.epoch && offset === this.offset + 1, `receives ${position}`);
    }
    this.epoch = epoch;
    this.offset = offset;
    this.received += 1;
    this.ids.push(id);
  }

  #parse(text: string) {
    const position = parsePosition(text);
    if (position === undefined) throw new Error(`${this.name}: "${text}" is no position`);
    return position;
  }

  #expect(holds: boolean, what: string): void {
    if (holds) return;
    this.failure ??= new Error(`${this.name} at ${this.since()} ${what}`);
    throw this.failure;
  }
}
