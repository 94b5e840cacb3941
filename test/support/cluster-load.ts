/** Writers, readers and users who go from node to node, and the history of all that they were told. */

import type { MessageFrame } from "../../src/protocol/frame.ts";
import { Chance } from "./chance.ts";
import { Cluster } from "./cluster.ts";
import { type History, type KeptMessage, type PublishTry, toMark } from "./history.ts";
import type { Journey, Place } from "./hop.ts";
import { HoppingReader, type Reading } from "./hopping-reader.ts";
import { HoppingWriter } from "./hopping-writer.ts";
import { eventually } from "./poll.ts";
import { PresentUser } from "./present-user.ts";

const readings: readonly Reading[] = ["websocket", "sse", "paging"];
const logPage = 500;
/** Milliseconds in which a message that was acknowledged must be told by all nodes, far too many. */
const liveMsMax = 5_000;
/** Where the users are. */
export const lobby = "lobby";

export interface LoadOptions {
  readonly places: readonly Place[];
  readonly seed: number;
  readonly rooms: readonly string[];
  readonly writers: number;
  /** Each is three readers, one of each kind: one set begins at the start, all others at the end. */
  readonly readerSets: number;
  /** Milliseconds that a writer rests at most between two messages. */
  readonly restMsMax: number;
  /** Milliseconds at most that a client stays at a node. */
  readonly stayMsMax: number;
  /** Milliseconds at most that a reader is away between two nodes; 100 if left out. */
  readonly awayMsMax?: number;
  /** True where the nodes trim the rooms. */
  readonly mayTrim?: boolean;
}

/** Begins with `start`; `finish` ends it and gives its history. */
export class ClusterLoad {
  /** When something may have lost what was stored; see {@link History}. */
  readonly losses: number[] = [];
  readonly tries: PublishTry[] = [];
  readonly refusals = new Map<string, number>();
  readonly complaints: string[] = [];
  readonly readers: readonly HoppingReader[];
  readonly users: readonly PresentUser[];
  readonly #options: LoadOptions;
  readonly #writers: readonly HoppingWriter[];
  readonly #passer: Promise<void>;
  #isOver = false;

  private constructor(options: LoadOptions, tokens: ReadonlyMap<string, string>) {
    const { places, seed, rooms, stayMsMax, restMsMax, awayMsMax = 100 } = options;
    this.#options = options;
    let strand = 0;
    const journey = (): Journey => {
      strand += 1;
      const chance = new Chance(seed * 1_000 + strand);
      const { complaints, refusals } = this;
      return { places, chance, stayMsMax, awayMsMax, complaints, refusals };
    };
    const users = ["sam", "uma"].map((user) => ({ user, token: tokens.get(user) ?? "" }));
    this.users = users.map(
      ({ user, token }) => new PresentUser(user, token, places.length, lobby, journey()),
    );
    this.readers = Array.from({ length: options.readerSets }).flatMap((_, set) =>
      readings.map((reading) => {
        const since = set === 0 ? "start" : "end";
        return new HoppingReader(`reader ${set + 1}`, reading, rooms, since, journey());
      }),
    );
    this.#writers = Array.from({ length: options.writers }, (_, index) => {
      const name = `w${index + 1}`;
      return new HoppingWriter({ name, rooms, journey: journey(), tries: this.tries, restMsMax });
    });
    this.#passer = this.#pass(tokens.get("guest") ?? "", journey());
  }

  /** Begins, and resolves when every user is in the room by all tabs. */
  static async start(options: LoadOptions): Promise<ClusterLoad> {
    const tokens = new Map<string, string>();
    for (const user of ["sam", "uma", "guest"]) tokens.set(user, await Cluster.token(user));
    const load = new ClusterLoad(options, tokens);
    const { length } = options.places;
    const isThere = () => load.users.every(({ tabs }) => tabs === length);
    await eventually("all users are in the room", isThere);
    // Until now some of them were not there, and others may have been told so.
    for (const { histories } of load.users) for (const { events } of histories) events.length = 0;
    return load;
  }

  /** What was told so far. The logs are not in it. */
  get soFar(): Omit<History, "logs"> {
    return {
      tries: this.tries,
      readers: this.readers.flatMap(({ histories }) => histories),
      presence: this.users.flatMap(({ histories }) => histories),
      steadyUsers: this.users.map(({ name }) => name),
      losses: this.losses,
      mayTrim: this.#options.mayTrim ?? false,
      complaints: this.complaints,
    };
  }

  /** How many messages were acknowledged. */
  get acknowledged(): number {
    return this.tries.reduce(
      (sum, { acknowledgement: ack }) => sum + (ack?.duplicate === false ? 1 : 0),
      0,
    );
  }

  /** How many messages readers were told. */
  get deliveries(): number {
    const histories = this.readers.flatMap((reader) => reader.histories);
    return histories.reduce((sum, { events }) => sum + events.length, 0);
  }

  /** How many gaps readers were told, by their reason. */
  get gaps(): ReadonlyMap<string, number> {
    const gaps = new Map<string, number>();
    for (const { events } of this.readers.flatMap(({ histories }) => histories)) {
      for (const event of events) {
        if (event.kind === "gap") gaps.set(event.reason, (gaps.get(event.reason) ?? 0) + 1);
      }
    }
    return gaps;
  }

  /** How often readers and tabs went to a node. */
  get hops(): number {
    const readers = this.readers.reduce((sum, { visits }) => sum + visits, 0);
    return this.users.reduce((sum, { hops }) => sum + hops, readers);
  }

  /**
   * Ends the writing, waits until every reader is at the end of every room and all nodes agree on who is
   * there, and tells all of it. Waiting in vain becomes a complaint. All nodes must be up.
   */
  async finish(deadlineMs = 30_000): Promise<History> {
    const attempt = (what: Promise<unknown>) =>
      what.catch(({ message }: Error) => {
        this.complaints.push(message);
      });
    this.#isOver = true;
    await Promise.all(this.#writers.map((writer) => attempt(writer.rest(deadlineMs))));
    await this.#arrive(attempt, deadlineMs);
    // Until now whoever missed something could have got it elsewhere. What follows must come to where
    // each of them is now.
    for (const reader of this.readers) reader.settle();
    const [writer] = this.#writers;
    for (const place of this.#options.places) {
      for (const room of this.#options.rooms) {
        if (writer !== undefined) await attempt(writer.publishAt(place, room));
      }
    }
    const logs = await this.#arrive(attempt, liveMsMax);
    await Promise.all(this.readers.map((reader) => reader.stop()));
    await this.#passer;
    await Promise.all(this.users.map((user) => user.settle()));
    await attempt(this.#agree(deadlineMs));
    await Promise.all(this.users.map((user) => user.stop()));
    return { ...this.soFar, logs };
  }

  /** A user who comes and goes, so that there is something to be told. */
  async #pass(token: string, journey: Journey): Promise<void> {
    while (!this.#isOver) {
      const guest = new PresentUser("guest", token, 1, lobby, journey);
      await Bun.sleep(journey.chance.below(1_000));
      await guest.stop(this.#isOver || journey.chance.isLucky(0.5) ? "close" : "cut");
      await Bun.sleep(journey.chance.below(1_000));
    }
  }

  /** Resolves when each node, and each tab, names exactly the users who are there. */
  async #agree(deadlineMs: number): Promise<void> {
    const expected = this.users.map(({ name, tabs }) => `${name} ${tabs}`).join(", ");
    for (const { name, url } of this.#options.places) {
      let told = "";
      const look = async () => {
        told = await readMembers(url).catch(String);
        return told === expected;
      };
      await eventually(`${name} names ${expected}`, look, deadlineMs).catch((thrown: Error) => {
        throw new Error(`${thrown.message}, but ${told}`);
      });
    }
    const names = this.users.map((user) => user.name).join();
    const isAgreed = () =>
      this.users.every(({ views }) =>
        views.every(({ users }) => [...users].sort().join() === names),
      );
    await eventually(`all tabs see ${names}`, isAgreed, deadlineMs);
  }

  /** Waits until every reader is at the end of every room. Resolves to what is kept of them. */
  async #arrive(
    attempt: (what: Promise<unknown>) => Promise<unknown>,
    deadlineMs: number,
  ): Promise<Map<string, Map<string, KeptMessage[]>>> {
    const logs = await this.#readLogs();
    for (const [room, nodes] of logs) {
      const end = [...nodes.values()][0]?.at(-1)?.position;
      for (const reader of this.readers) {
        const name = reader.histories[0]?.name;
        const isThere = () => end === undefined || reader.stands(room) === end;
        await attempt(eventually(`${name} reads ${room} to ${end}`, isThere, deadlineMs));
      }
    }
    return logs;
  }

  async #readLogs(): Promise<Map<string, Map<string, KeptMessage[]>>> {
    const logs = new Map<string, Map<string, KeptMessage[]>>();
    for (const room of this.#options.rooms) {
      const nodes = new Map<string, KeptMessage[]>();
      for (const { name, url } of this.#options.places) nodes.set(name, await readLog(url, room));
      logs.set(room, nodes);
    }
    return logs;
  }
}

/** Reads all that a node keeps of a room. */
export async function readLog(url: string, room: string): Promise<KeptMessage[]> {
  const kept: KeptMessage[] = [];
  for (let since = "start"; ; ) {
    const path = `${url}/rooms/${room}/messages?limit=${logPage}&since=${since}`;
    const answer = await fetch(path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    const page: { messages: MessageFrame[]; more: boolean; position: string } = await answer.json();
    for (const { position, id, content, bytes } of page.messages) {
      kept.push({ position, id, mark: toMark(content, bytes) });
    }
    since = page.position;
    if (!page.more) return kept;
  }
}

/** Who is in the lobby by a node: each user and their connections. */
async function readMembers(url: string): Promise<string> {
  const headers = { authorization: `Bearer ${await Cluster.token("judge")}` };
  const answer = await fetch(`${url}/rooms/${lobby}/members`, { headers });
  const { members }: { members?: { id: string; connections: number }[] } = await answer.json();
  return (members ?? [])
    .map(({ id, connections }) => `${id} ${connections}`)
    .sort()
    .join(", ");
}
