/** What nodes tell each other besides messages and who is where: one channel, one text each. */

import type { RedisLink } from "./redis-link.ts";

/** Hears what was told of one kind: any JSON. It checks it, for others can write to Redis as well. */
export type ControlListener = (value: unknown) => void;

/** The texts are a word and JSON. What is of no known kind, or is no JSON, is passed over. */
export class RedisControl {
  /** Where all nodes hear. */
  readonly channel: string;
  readonly #listeners = new Map<string, ControlListener>();

  /** To be made before others that act on the link's connects, so that nothing is missed by them. */
  constructor(link: RedisLink) {
    this.channel = `${link.prefix}:c`;
    const hear = (text: string) => this.#hear(text);
    link.onConnect(() => link.subscribe(this.channel, hear));
  }

  /** Begins to hear one kind. `listener` must not throw. Called once for each. */
  on(kind: string, listener: ControlListener): void {
    this.#listeners.set(kind, listener);
  }

  #hear(text: string): void {
    const space = text.indexOf(" ");
    const listener = this.#listeners.get(text.slice(0, Math.max(0, space)));
    if (listener === undefined) return;
    const value = parseJson(text.slice(space + 1));
    if (value !== undefined) listener(value);
  }
}

/** Puts together what {@link RedisControl.on} hears. */
export function toControlText(kind: string, value: unknown): string {
  return `${kind} ${JSON.stringify(value)}`;
}

/** Reads JSON that may be none; undefined then. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Somebody else wrote it.
  }
}

/** Reads an array; empty where it is none. */
export function toArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Whether something is an id as tokens and users have them. */
export function isId(value: unknown): value is string {
  return typeof value === "string" && value.length >= 1 && value.length <= 128;
}
