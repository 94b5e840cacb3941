/** Ends connections on other nodes, as an administrator asks. */

import kickLua from "./lua/kick.lua" with { type: "text" };
import { isId, parseJson, type RedisControl, toArray } from "./redis-control.ts";
import type { RedisLink, RedisScript } from "./redis-link.ts";
import type { RedisQuestions } from "./redis-questions.ts";

/** Whose connections: all of a user, or the one with an id. */
type Kick = { readonly user: string } | { readonly connection: string };

const kickScript: RedisScript = { name: "kick", lua: kickLua };
/** Kicks that are kept for nodes that are cut off, and the milliseconds for which they are. */
const kicksMax = 1_000;
const keptMs = 3_600_000;

/**
 * Tells all nodes, each of which ends what it has. A node that is cut off ends it once it is back, within
 * an hour. Nodes that cannot be heard make no difference to those that can.
 */
export class RedisKicks {
  readonly #link: RedisLink;
  readonly #control: RedisControl;
  readonly #questions: RedisQuestions;
  #end: (kick: Kick) => boolean = () => false;
  /** The stream's id of the newest kick that was heard; empty before the first connect. */
  #newest = "";

  /** To be made before the link is started. */
  constructor(link: RedisLink, control: RedisControl, questions: RedisQuestions) {
    this.#link = link;
    this.#control = control;
    this.#questions = questions;
    control.on("kick", (value) => this.#hearKick(value));
    link.onConnect(() => this.#catchUp());
  }

  /**
   * Begins to hear what others ask for. `end` ends those connections on this node, and tells whether
   * there was one; it must not throw.
   */
  start(end: (kick: Kick) => boolean): void {
    this.#end = end;
  }

  /**
   * Ends connections on all other nodes. Of a connection, resolves to whether another node had it; of
   * a user, to true at once: those who heard it end what they have.
   * @throws unavailable when the others cannot be told, or not all have answered in time
   */
  async kick(kick: Kick): Promise<boolean> {
    const tell = (sender: object) => {
      const told = JSON.stringify({ ...kick, ...sender });
      const args = [this.#control.channel, `${kicksMax}`, `${keptMs}`, told];
      return this.#link.evaluate(kickScript, [this.#key], args);
    };
    if ("connection" in kick) return (await this.#questions.ask(tell)) !== null;
    await tell({ node: this.#link.node });
    return true;
  }

  get #key(): string {
    return `${this.#link.prefix}:kicks`;
  }

  #hearKick(value: unknown): void {
    const [id, told] = toArray(value);
    if (typeof id === "string" && isStreamId.test(id)) this.#newest = id;
    const sender = (told ?? {}) as { node?: unknown; question?: unknown };
    if (this.#questions.isOwn(sender)) return;
    const isFound = this.#obey(told);
    if (isFound !== undefined) this.#questions.answer(sender, isFound ? true : null);
  }

  /** Ends what is asked for; undefined where nothing is. */
  #obey(told: unknown): boolean | undefined {
    const { user, connection } = (told ?? {}) as { user?: unknown; connection?: unknown };
    if (isId(user)) return this.#end({ user });
    return isId(connection) ? this.#end({ connection }) : undefined;
  }

  /** Ends what was asked for while this node was cut off. What it hears meanwhile is newer. */
  async #catchUp(): Promise<void> {
    const newest = this.#newest;
    if (newest === "") {
      const [entry] = toArray(
        await this.#link.send("XREVRANGE", [this.#key, "+", "-", "COUNT", "1"]),
      );
      if (this.#newest === "") this.#newest = String(toArray(entry)[0] ?? "0-0");
      return;
    }
    const args = [this.#key, `(${newest}`, "+", "COUNT", `${kicksMax}`];
    const entries = toArray(await this.#link.send("XRANGE", args));
    if (this.#newest === newest) this.#newest = String(toArray(entries.at(-1))[0] ?? newest);
    for (const entry of entries) {
      const [, fields] = toArray(entry);
      const told = parseJson(String(toArray(fields)[1]));
      const { node } = (told ?? {}) as { node?: unknown };
      if (node !== this.#link.node) this.#obey(told);
    }
  }
}

const isStreamId = /^\d{1,15}-\d{1,15}$/;
