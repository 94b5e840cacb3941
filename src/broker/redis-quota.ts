/** How many connections each user has, counted over all nodes in Redis. */

import type { Clock } from "../hub/ports.ts";
import countLua from "./lua/count-users.lua" with { type: "text" };
import { isId, type RedisControl, toArray } from "./redis-control.ts";
import type { RedisLink, RedisScript } from "./redis-link.ts";

/** What is known of a user who is connected here. */
interface Entry {
  /** Connections here, those that are being claimed included. */
  count: number;
  /** What Redis holds, once all that was sent is done. */
  written: number;
  /** Claims under way. */
  asking: number;
  /** Nodes that the user is connected to, as far as it is known. */
  nodes: number;
  /** How often another node has told that. */
  told: number;
}

const nobody: Entry = { count: 0, written: 0, asking: 0, nodes: 1, told: 0 };
const countUsers: RedisScript = { name: "count-users", lua: countLua };
/** Users in one call: each is looked up on every node. */
const usersMax = 100;
/** Milliseconds between two looks whether this node's counts are still there. */
const checkMs = 2_000;
/** Milliseconds after which the counts of a node that is gone are removed. */
const keptMs = 60_000;
/** Users whose nodes are counted anew at each look: nobody tells when a node dies. */
const recountedMax = 2_000;

/**
 * Each node writes how many connections every user has to it, as a whole number and not as a difference:
 * so whatever got lost is put right by the next write, and all of it after each connect. Where Redis
 * does not answer, claims are granted at once. `close` may be called twice.
 */
export class RedisQuota {
  readonly #link: RedisLink;
  readonly #control: RedisControl;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  /** Users whose count is to be written. */
  readonly #unwritten = new Set<string>();
  /** Users who are connected to several nodes. */
  readonly #shared = new Set<string>();
  #onNodes: (user: string, nodes: number) => void = () => {};
  #isFlushing = false;
  #cancelCheck: () => void = () => {};
  #isClosed = false;

  /** To be made before the link is started. */
  constructor(link: RedisLink, control: RedisControl, clock: Clock) {
    this.#link = link;
    this.#control = control;
    this.#clock = clock;
    control.on("users", (value) => this.#hear(value));
    link.onConnect(() => this.#begin());
  }

  /** Begins to tell on how many nodes a user of this one is, whenever that changes. */
  start(onNodes: (user: string, nodes: number) => void): void {
    this.#onNodes = onNodes;
  }

  /**
   * Counts one more connection of a user. Resolves to false, and counts nothing, where all nodes have
   * `max` of them; 0 means no bound. Never rejects.
   */
  async claim(user: string, max: number): Promise<boolean> {
    const entry = this.#entries.get(user) ?? { ...nobody };
    this.#entries.set(user, entry);
    entry.count += 1;
    if (this.#isDown) {
      this.#writeSoon(user); // once Redis is back
      return true;
    }
    const { count } = entry;
    entry.asking += 1;
    const nodes = await this.#count([[user, count]], max).catch(() => undefined);
    entry.asking -= 1;
    const isLetIn = nodes?.[0] !== 0;
    if (!isLetIn) entry.count -= 1;
    else if (nodes !== undefined) entry.written = count;
    this.#settle(user, entry);
    return isLetIn;
  }

  /** Gives one back that was claimed. */
  release(user: string): void {
    const entry = this.#entries.get(user);
    if (entry === undefined) return;
    entry.count -= 1;
    this.#settle(user, entry);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelCheck();
    this.#link.send("DEL", [this.#own]).catch(() => {}); // Its lease ends, too.
  }

  get #own(): string {
    return `${this.#link.prefix}:users:${this.#link.node}`;
  }

  /** Whether nothing can be asked. Where Redis only takes no messages, it counts on. */
  get #isDown(): boolean {
    return this.#link.run === "";
  }

  /** Has a count written that differs, when no claim is under way that would cross it. */
  #settle(user: string, entry: Entry): void {
    if (entry.asking > 0) return;
    if (entry.count !== entry.written || this.#unwritten.has(user)) this.#writeSoon(user);
    else if (entry.count === 0) this.#forget(user);
  }

  #writeSoon(user: string): void {
    this.#unwritten.add(user);
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  /** Writes what changed in this turn, or leaves it for when Redis is back. */
  #flush(): void {
    if (this.#isDown || this.#isClosed) return;
    const gone: string[] = [];
    const changed: string[] = [];
    for (const user of this.#unwritten) {
      const entry = this.#entries.get(user);
      if (entry !== undefined && entry.asking > 0) continue; // when that is done
      this.#unwritten.delete(user);
      if (entry === undefined) continue;
      (entry.count === 0 ? gone : changed).push(user);
      entry.written = entry.count;
      if (entry.count === 0) this.#forget(user);
    }
    for (const slice of toSlices(gone)) {
      const fields = slice.map((user) => JSON.stringify(user));
      this.#link.send("HDEL", [this.#own, ...fields]).catch(() => {});
    }
    for (const slice of toSlices(changed)) this.#write(slice).catch(() => {});
  }

  #forget(user: string): void {
    this.#entries.delete(user);
    this.#shared.delete(user);
  }

  /** Writes the counts of users as they are, and learns on how many nodes each is. */
  async #write(users: readonly string[]): Promise<void> {
    const pairs: [string, number][] = [];
    for (const user of users) {
      const entry = this.#entries.get(user);
      if (entry === undefined || entry.count === 0) continue;
      entry.written = entry.count;
      pairs.push([user, entry.count]);
    }
    if (pairs.length > 0) await this.#count(pairs, 0);
  }

  async #begin(): Promise<void> {
    await this.#writeAll();
    this.#cancelCheck();
    this.#scheduleCheck();
  }

  async #writeAll(): Promise<void> {
    await this.#link.send("DEL", [this.#own]);
    for (const slice of toSlices([...this.#entries.keys()])) await this.#write(slice);
  }

  async #count(pairs: readonly (readonly [string, number])[], max: number): Promise<number[]> {
    const { prefix, node } = this.#link;
    const head = [node, `${prefix}:users:`, `${keptMs}`, this.#control.channel, `${max}`];
    const args = pairs.flatMap(([user, count]) => [JSON.stringify(user), `${count}`]);
    const keys = [`${prefix}:nodes`, this.#own];
    const told = pairs.map(([user]) => this.#entries.get(user)?.told);
    const answer = toArray(await this.#link.evaluate(countUsers, keys, [...head, ...args]));
    return pairs.map(([user], at) => {
      const nodes = Number(answer[at]);
      // What was told meanwhile came by another connection, and may be newer or older than this.
      if (this.#entries.get(user)?.told !== told[at]) this.#writeSoon(user);
      else if (nodes > 0) this.#learn(user, nodes);
      return nodes;
    });
  }

  #learn(user: string, nodes: number): void {
    const entry = this.#entries.get(user);
    if (entry === undefined) return;
    if (nodes > 1) this.#shared.add(user);
    else this.#shared.delete(user);
    if (entry.nodes === nodes) return;
    entry.nodes = nodes;
    this.#onNodes(user, nodes);
  }

  #hear(value: unknown): void {
    for (const told of toArray(value)) {
      const [user, nodes] = toArray(told);
      if (!isId(user) || typeof nodes !== "number" || !Number.isInteger(nodes)) continue;
      const entry = this.#entries.get(user);
      if (entry === undefined || nodes < 1) continue;
      entry.told += 1;
      this.#learn(user, nodes);
    }
  }

  #scheduleCheck(): void {
    if (this.#isClosed) return;
    this.#cancelCheck = this.#clock.after(checkMs, () => {
      if (!this.#isDown) this.#check().catch(() => {}); // The link heals by itself.
      this.#scheduleCheck();
    });
  }

  async #check(): Promise<void> {
    this.#flush();
    const isThere = await this.#link.send("PEXPIRE", [this.#own, `${keptMs}`]);
    if (isThere !== 1 && isThere !== true && this.#entries.size > 0) await this.#writeAll();
    const users = [...this.#shared].slice(0, recountedMax);
    for (const user of users) this.#shared.delete(user); // The others come first the next time.
    for (const user of users) if (this.#entries.has(user)) this.#shared.add(user);
    for (const slice of toSlices(users)) await this.#write(slice);
  }
}

function toSlices<Item>(items: readonly Item[]): Item[][] {
  return Array.from({ length: Math.ceil(items.length / usersMax) }, (_, index) =>
    items.slice(index * usersMax, (index + 1) * usersMax),
  );
}
