/** Keeps the rooms of a log in Redis within their bounds. */

import type { Clock, Retention } from "../hub/ports.ts";
import { headsKey } from "./redis-keys.ts";
import type { RedisLink } from "./redis-link.ts";
import { readNames, toTexts } from "./redis-log-reader.ts";
import { trimScript } from "./redis-log-scripts.ts";

/** What retention works with. */
export interface RedisLogRetentionOptions {
  readonly link: RedisLink;
  readonly retention: Retention;
  readonly clock: Clock;
}

/** How often rooms are looked at: those known to be over, those too old, and some of the others. */
const sweepMs = 1_000;
const sweptRoomsMax = 64;
/** Rooms that one script trims. */
const trimmedRoomsMax = 64;
/** Rooms with messages too old that are asked for at once, and how often in one sweep. */
const agedRoomsMax = 1_024;
const agedTurnsMax = 16;
/** Rooms remembered between two sweeps; the others wait for their turn. */
const overRoomsMax = 16_384;

/**
 * A busy room is trimmed by the script that publishes, as soon as it is a little over. This does the
 * rest: within about a second what this node made too long and what is too old, in time all there is.
 */
export class RedisLogRetention {
  readonly #options: RedisLogRetentionOptions;
  readonly #over = new Set<string>();
  #sweptName = "";
  #isSweeping = false;
  #cancelSweep: (() => void) | undefined;

  constructor(options: RedisLogRetentionOptions) {
    this.#options = options;
    const { messagesMax, ageMsMax, bytesMax } = options.retention;
    if (messagesMax > 0 || ageMsMax > 0 || bytesMax > 0) this.#schedule();
  }

  /** Notes that a room is past a bound. */
  note(room: string): void {
    if (this.#over.size < overRoomsMax) this.#over.add(room);
  }

  /** Stops. */
  close(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
  }

  #schedule(): void {
    this.#cancelSweep = this.#options.clock.after(sweepMs, () => {
      this.#schedule();
      if (this.#isSweeping || this.#options.link.health() !== null) return;
      this.#isSweeping = true;
      this.#sweep()
        .catch(() => {}) // The link tells why, and the next sweep begins where this one did.
        .finally(() => {
          this.#isSweeping = false;
        });
    });
  }

  async #sweep(): Promise<void> {
    const { link } = this.#options;
    const before = await this.#before();
    const over = [...this.#over];
    this.#over.clear();
    const others = await readNames(link, this.#sweptName, sweptRoomsMax);
    await this.#trim([...new Set([...over, ...others])], before);
    this.#sweptName = others.length < sweptRoomsMax ? "" : (others.at(-1) ?? "");
    if (before === "") return;
    const aged = ["-inf", `(${before}`, "LIMIT", "0", String(agedRoomsMax)];
    for (let turn = 0; turn < agedTurnsMax; turn += 1) {
      const rooms = toTexts(await link.send("ZRANGEBYSCORE", [`${link.prefix}:ages`, ...aged]));
      await this.#trim(rooms, before);
      if (rooms.length < agedRoomsMax) return;
    }
  }

  /**
   * The time before which a message is too old; "" for none. The clock of Redis is asked, too: a node
   * whose clock is ahead must not forget what is not too old.
   */
  async #before(): Promise<string> {
    const { link, clock, retention } = this.#options;
    if (retention.ageMsMax === 0) return "";
    const [seconds, microseconds] = toTexts(await link.send("TIME", [])).map(Number);
    const now = (seconds ?? 0) * 1_000 + Math.floor((microseconds ?? 0) / 1_000);
    return String(Math.min(clock.now(), now) - retention.ageMsMax);
  }

  async #trim(rooms: readonly string[], before: string): Promise<void> {
    const { link, retention } = this.#options;
    const bounds = [String(retention.messagesMax), String(retention.bytesMax), before];
    let left = rooms;
    while (left.length > 0 && this.#cancelSweep !== undefined) {
      const args = [link.prefix, ...bounds, ...left.slice(0, trimmedRoomsMax)];
      const unfinished = await link.evaluate(trimScript, [headsKey(link.prefix)], args);
      // To the end of the line: a room with much to forget does not keep the others waiting.
      left = [...left.slice(trimmedRoomsMax), ...toTexts(unfinished)];
    }
  }
}
