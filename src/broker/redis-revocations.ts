/** Revoked tokens in Redis: one list for all nodes. */

import { PartylineError } from "../protocol/errors.ts";
import revokeLua from "./lua/revoke.lua" with { type: "text" };
import unrevokeLua from "./lua/unrevoke.lua" with { type: "text" };
import { isId, parseJson, type RedisControl, toArray, toControlText } from "./redis-control.ts";
import type { RedisLink, RedisScript } from "./redis-link.ts";

/** Tokens with when they run out (null: never), and users with the time before which. */
interface Revoked {
  readonly tokens: ReadonlyMap<string, number | null>;
  readonly users: ReadonlyMap<string, number>;
}

/** Whoever applies them. */
interface Listener {
  hear(revoked: Revoked): void;
  all(): Revoked;
}

/** What they are kept with. */
export interface RedisRevocationsOptions {
  readonly link: RedisLink;
  readonly control: RedisControl;
  /** Tokens, and users, that Redis may hold. */
  readonly max: number;
  /** Replicas that must have a revocation before it is acknowledged; 0 for none. */
  readonly replicas: number;
}

type Kind = "tokens" | "users";
type Entry = readonly [id: string, time: number | null];

const revoke: RedisScript = { name: "revoke", lua: revokeLua };
const unrevoke: RedisScript = { name: "unrevoke", lua: unrevokeLua };
/** Entries that one call reads, writes or forgets. */
const entriesMax = 500;
/** Milliseconds that replicas have. */
const replicasMs = 1_000;

/**
 * Keeps revocations in two hashes, and tells each to all nodes. With each connect everything is read,
 * and what this node knows and Redis does not is written back: a Redis that was emptied, or came back
 * with an old file, would else let somebody in at the next node that starts.
 */
export class RedisRevocations {
  readonly #options: RedisRevocationsOptions;
  #listener: Listener | null = null;

  /** To be made, and to be started, before the link is. */
  constructor(options: RedisRevocationsOptions) {
    this.#options = options;
    options.control.on("revoked", (value) => this.#hear(value));
    options.link.onConnect(() => this.#catchUp());
  }

  /** Begins to tell a listener: what is kept already, before the link is up. */
  start(listener: Listener): void {
    this.#listener = listener;
  }

  /**
   * @throws unavailable when Redis does not answer or takes no writes; it may be kept all the same
   * @throws too_many when there are as many as there may be
   */
  saveToken({ id, until }: { readonly id: string; readonly until: number | null }): Promise<void> {
    return this.#save("tokens", [id, until]);
  }

  /** The same of a user. */
  saveUser({ user, before }: { readonly user: string; readonly before: number }): Promise<void> {
    return this.#save("users", [user, before]);
  }

  /** Forgets tokens that ran out. What fails comes again with the next connect. */
  forget(now: number, ids: readonly string[]): void {
    for (const slice of toSlices(ids)) {
      const fields = slice.map((id) => JSON.stringify(id));
      this.#options.link
        .evaluate(unrevoke, [this.#keyOf("tokens")], [`${now}`, ...fields])
        .catch(() => {});
    }
  }

  async #save(kind: Kind, entry: Entry): Promise<void> {
    const { max, link, replicas } = this.#options;
    let answer: unknown;
    try {
      answer = await this.#write(kind, [entry], max);
      if (replicas > 0) {
        const reached = await link.send("WAIT", [`${replicas}`, `${replicasMs}`]);
        if (Number(reached) < replicas) throw unavailable("too few replicas have it");
      }
    } catch (thrown) {
      const isOurs =
        thrown instanceof PartylineError && thrown.message.startsWith("The revocation");
      if (isOurs || !(thrown instanceof PartylineError)) throw thrown;
      throw unavailable("the message store cannot be written to");
    }
    if (answer !== 0) return;
    const text = `At most ${max} tokens and as many users can be revoked; change the key instead.`;
    throw new PartylineError("too_many", text);
  }

  #write(kind: Kind, entries: readonly Entry[], max: number): Promise<unknown> {
    const { link, control } = this.#options;
    const pairs = entries.flatMap(([id, time]) => [JSON.stringify(id), `${time ?? "never"}`]);
    const told = toControlText("revoked", { [kind]: entries });
    return link.evaluate(revoke, [this.#keyOf(kind)], [`${max}`, control.channel, told, ...pairs]);
  }

  /** Reads all that Redis holds, applies it, and writes back what it lacks. */
  async #catchUp(): Promise<void> {
    const tokens = await this.#read("tokens");
    const users = withTimes(await this.#read("users"));
    const listener = this.#listener;
    if (listener === null) return;
    listener.hear({ tokens, users });
    const known = listener.all();
    await this.#writeBack("tokens", known.tokens, tokens);
    await this.#writeBack("users", known.users, users);
  }

  async #read(kind: Kind): Promise<Map<string, number | null>> {
    const found = new Map<string, number | null>();
    let cursor = "0";
    do {
      const args = [this.#keyOf(kind), cursor, "COUNT", `${entriesMax}`];
      const answer = toArray(await this.#options.link.send("HSCAN", args));
      const pairs = toArray(answer[1]);
      for (let at = 0; at + 1 < pairs.length; at += 2) {
        const id = parseJson(String(pairs[at]));
        const time = toTime(pairs[at + 1]);
        if (isId(id) && time !== undefined) found.set(id, time);
      }
      cursor = String(answer[0] ?? "0");
    } while (cursor !== "0");
    return found;
  }

  async #writeBack(
    kind: Kind,
    known: ReadonlyMap<string, number | null>,
    kept: ReadonlyMap<string, number | null>,
  ): Promise<void> {
    const missing = [...known].filter(([id, time]) => isLater(time, kept.get(id)));
    await Promise.all(toSlices(missing).map((slice) => this.#write(kind, slice, 0)));
  }

  #hear(value: unknown): void {
    const { tokens, users } = (value ?? {}) as { tokens?: unknown; users?: unknown };
    this.#listener?.hear({ tokens: readEntries(tokens), users: withTimes(readEntries(users)) });
  }

  #keyOf(kind: Kind): string {
    return `${this.#options.link.prefix}:revoked:${kind}`;
  }
}

function unavailable(why: string): PartylineError {
  return new PartylineError("unavailable", `The revocation could not be kept: ${why}.`, 1_000);
}

/** Whether a time is later than another; null is never, undefined is none. */
function isLater(time: number | null, other: number | null | undefined): boolean {
  if (other === undefined) return true;
  return other !== null && (time === null || time > other);
}

function toTime(text: unknown): number | null | undefined {
  if (text === "never") return null;
  const time = Number(text);
  return text !== "" && Number.isFinite(time) ? time : undefined;
}

function readEntries(value: unknown): Map<string, number | null> {
  const entries = new Map<string, number | null>();
  for (const entry of toArray(value)) {
    const [id, time] = toArray(entry);
    if (!isId(id)) continue;
    if (time === null) entries.set(id, null);
    else if (typeof time === "number" && Number.isFinite(time)) entries.set(id, time);
  }
  return entries;
}

function withTimes(entries: ReadonlyMap<string, number | null>): Map<string, number> {
  return new Map([...entries].flatMap(([id, time]) => (time === null ? [] : [[id, time]])));
}

function toSlices<Item>(items: readonly Item[]): Item[][] {
  return Array.from({ length: Math.ceil(items.length / entriesMax) }, (_, index) =>
    items.slice(index * entriesMax, (index + 1) * entriesMax),
  );
}
