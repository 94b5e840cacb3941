import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Entry } from "../../src/hub/entry.ts";
import { Hub } from "../../src/hub/hub.ts";
import type { Member } from "../../src/hub/member.ts";
import type { Room } from "../../src/hub/room.ts";
import { Turns } from "../../src/hub/turns.ts";
import type { GapFrame } from "../../src/protocol/frame.ts";
import { limits } from "../../src/protocol/limits.ts";
import { parseSince } from "../../src/protocol/position.ts";
import { Chance } from "../support/chance.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { eventually } from "../support/poll.ts";
import { ReaderLog } from "../support/reader-log.ts";
import { SlowBroker } from "../support/slow-broker.ts";

const name = "hall";

/** The sockets of a server: topics, and who subscribed to them. */
class Topics {
  readonly #subscribers = new Map<string, Set<(text: string) => void>>();

  publish(topic: string, frame: string | Uint8Array): void {
    for (const hear of this.#subscribers.get(topic) ?? []) hear(String(frame));
  }

  subscribe(topic: string, hear: (text: string) => void): () => void {
    const subscribers = this.#subscribers.get(topic) ?? new Set();
    this.#subscribers.set(topic, subscribers.add(hear));
    return () => subscribers.delete(hear);
  }
}

/** One visit of a reader to the room. */
class Visit implements Member {
  readonly user = { id: "~1", name: "reader" };
  readonly #log: ReaderLog;
  readonly #chance: Chance;
  readonly #world: World;
  readonly #turns = new Turns();
  #unsubscribe: (() => void) | null = null;
  isClosed = false;

  constructor(log: ReaderLog, world: World) {
    this.#log = log;
    this.#chance = world.chance;
    this.#world = world;
  }

  observe() {}

  observes() {
    return false;
  }

  isBinary() {
    return false;
  }

  stand(room: Room, offset: number, gap: GapFrame | undefined) {
    if (gap !== undefined) this.tellGap(room, offset, gap);
    this.#log.stand(`${room.epoch}:${offset}`, gap);
  }

  tellGap(_room: Room, offset: number, gap: GapFrame) {
    // Only what the log had really forgotten may be called missed.
    expect(offset).toBeLessThan(this.#world.broker.headNow(name).first);
    this.#log.gap(gap);
  }

  send(_room: Room, entries: readonly Entry[]) {
    for (const { message } of entries) this.#log.message(`${message.epoch}:${message.offset}`);
  }

  turn() {
    return this.#turns.take(() =>
      this.isClosed || this.#chance.isLucky(0.6) ? undefined : this.#chance.pause(4),
    );
  }

  goLive(room: Room) {
    this.#unsubscribe = this.#world.topics.subscribe(room.topic, (text) => {
      this.#log.message(JSON.parse(text).position);
    });
    this.#world.hub.goLive(room, this);
  }

  hear() {}

  leave(room: Room) {
    this.isClosed = true;
    this.#unsubscribe?.();
    this.#world.hub.leave(room, this, this.#unsubscribe !== null, limits.presenceGraceMs);
  }
}

class World {
  readonly chance: Chance;
  readonly broker: SlowBroker;
  readonly topics = new Topics();
  readonly hub: Hub;

  constructor(seed: number) {
    this.chance = new Chance(seed);
    this.broker = new SlowBroker({
      chance: this.chance,
      messagesMax: [1, 5, 200, 100_000][this.chance.below(4)] ?? 1,
      isAhead: this.chance.isLucky(0.5),
    });
    this.hub = new Hub({
      broker: this.broker,
      systemBroker: new SlowBroker({ chance: this.chance, messagesMax: 60, isAhead: false }),
      fanout: this.topics,
      clock: new ManualClock(),
    });
  }

  publish(): Promise<unknown> {
    const body = { kind: "json", json: "1" } as const;
    return this.hub.publish(name, "m", { id: "~0", name: "writer" }, body);
  }

  /** Comes, reads for a while, leaves, and comes again with its position. */
  async read(log: ReaderLog, visits: number): Promise<void> {
    for (let left = visits; left > 0; left -= 1) {
      await this.chance.pause(20);
      const room = await this.hub.open(name);
      const visit = new Visit(log, this);
      const since = parseSince(log.since(this.chance.isLucky(0.5) ? "start" : "end"));
      const joined = this.hub.join(room, visit, since ?? "end");
      if (left > 1) {
        await this.chance.pause(30); // often it is gone before it ever read live
        visit.leave(room);
        await joined;
        continue;
      }
      await joined;
      const { broker } = this;
      await eventually("the last message", () => log.offset === broker.headNow(name).last);
      visit.leave(room);
    }
  }
}

/** Readers come and go while messages are published; all of them must have read all in the end. */
async function play(seed: number): Promise<void> {
  const world = new World(seed);
  await world.hub.start();
  const published: Promise<unknown>[] = [];
  for (let left = world.chance.below(300); left > 0; left -= 1) published.push(world.publish());
  const logs = Array.from(
    { length: 4 },
    (_, index) => new ReaderLog(`seed ${seed} reader ${index}`),
  );
  let isWriting = true;
  const write = async () => {
    for (let left = 150 + world.chance.below(600); left > 0; left -= 1) {
      for (let burst = world.chance.below(8); burst > 0; burst -= 1) {
        published.push(world.publish());
      }
      await world.chance.pause(2);
    }
    isWriting = false;
  };
  const reading = logs.map(async (log) => {
    while (isWriting) await world.read(log, 1 + world.chance.below(6));
    await world.read(log, 1);
  });
  await Promise.all([write(), ...reading]);
  await Promise.all(published);
  expect(world.hub.rooms.size).toBe(0);
  world.hub.close();
}

test("every reader's log is whole, however reads, publishes, joins and leaves interleave", async () => {
  const seed = fc.integer();
  await fc.assert(fc.asyncProperty(seed, play), { numRuns: 40, endOnFailure: true });
}, 60_000);
