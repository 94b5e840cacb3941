/** Readers of a room whose log is shared with other nodes: ahead of this one, or begun anew. */

import { expect, test } from "bun:test";
import type { Entry } from "../../src/hub/entry.ts";
import { Hub } from "../../src/hub/hub.ts";
import type { Member } from "../../src/hub/member.ts";
import type { Message } from "../../src/hub/message.ts";
import type { Broker, BrokerListener, Head } from "../../src/hub/ports.ts";
import type { Room } from "../../src/hub/room.ts";
import type { GapFrame } from "../../src/protocol/frame.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { createNotingBroker } from "../support/noting-broker.ts";

/** A log of one room that a test moves on by hand. */
class HandBroker {
  listener: BrokerListener = { announce() {}, moved() {}, forgotten() {} };
  epoch = "e";
  kept: Message[] = [];
  /** Called when the room is listened to; the second time, to catch up with it. */
  onListen: (time: number) => void = () => {};
  onRead: () => void = () => {};
  #listened = 0;
  announced = 0;

  readonly broker: Broker = {
    ...createNotingBroker().broker,
    start: async (listener) => {
      this.listener = listener;
    },
    listen: async () => {
      this.#listened += 1;
      this.onListen(this.#listened);
      return this.#head();
    },
    read: async (_room, after, messagesMax) => {
      const page = this.kept.filter(({ offset }) => offset > after).slice(0, messagesMax);
      await null;
      this.onRead();
      return page;
    },
  };

  /** Stores messages up to an offset, and announces them. */
  fill(last: number): void {
    const first = (this.kept.at(-1)?.offset ?? 0) + 1;
    const added = Array.from({ length: last - first + 1 }, (_, n) => this.#message(first + n));
    this.kept.push(...added);
    this.announced = last;
    this.listener.announce(added);
  }

  /** Begins numbering anew. */
  startOver(epoch: string): void {
    this.epoch = epoch;
    this.kept = [];
    this.announced = 0;
    this.listener.moved("hall", { epoch, offset: 0 });
  }

  #head(): Head {
    return { epoch: this.epoch, first: 1, last: this.announced, lastAt: 0 };
  }

  #message(offset: number): Message {
    const from = { id: "ada", name: "Ada" };
    const body = { kind: "json", json: "1" } as const;
    return { room: "hall", id: `m${offset}`, from, at: 1, body, epoch: this.epoch, offset };
  }
}

/** A member that notes where it stands, what it misses and the ends of what it is sent. */
class NotingMember implements Member {
  readonly user = { id: "ben", name: "Ben" };
  readonly isClosed = false;
  readonly seen: string[] = [];

  observes = () => true;
  isBinary = () => false;
  hear = () => {};
  turn = async () => () => {};

  stand(room: Room, offset: number, gap: GapFrame | undefined) {
    this.seen.push(`stands at ${room.epoch}:${offset}`);
    if (gap !== undefined) this.tellGap(room, offset, gap);
  }

  tellGap(_room: Room, _offset: number, { reason, from, to }: GapFrame) {
    this.seen.push(`${reason} from ${from} to ${to}`);
  }

  send(_room: Room, entries: readonly Entry[]) {
    const places = entries.map(({ message }) => `${message.epoch}:${message.offset}`);
    if (places.length > 0) this.seen.push(`${places[0]} to ${places.at(-1)}`);
  }

  observe(room: Room, entries: readonly Entry[]) {
    this.send(room, entries);
  }

  goLive(room: Room) {
    hubs.get(this)?.goLive(room, this);
  }
}

const hubs = new Map<NotingMember, Hub>();

async function open(hand: HandBroker) {
  const hub = new Hub({
    broker: hand.broker,
    systemBroker: createNotingBroker().broker,
    fanout: { publish() {} },
    clock: new ManualClock(),
  });
  await hub.start();
  const member = new NotingMember();
  hubs.set(member, hub);
  const room = await hub.open("hall");
  return { hub, member, room, seen: member.seen };
}

test("a reader that read further on another node waits for this one, and misses nothing", async () => {
  const hand = new HandBroker();
  hand.onListen = (time) => {
    if (time === 2) hand.fill(5);
  };
  hand.fill(3);
  const { hub, member, room, seen } = await open(hand);
  await hub.join(room, member, { epoch: "e", offset: 5 });
  hand.fill(6);
  room.flush();
  expect(seen).toEqual(["stands at e:5", "e:6 to e:6"]);
});

test("a reader of an epoch that this node has not heard of yet is not told of a gap", async () => {
  const hand = new HandBroker();
  hand.onListen = (time) => {
    if (time !== 2) return;
    hand.startOver("f");
    hand.fill(2);
  };
  hand.fill(3);
  const { hub, member, room, seen } = await open(hand);
  await hub.join(room, member, { epoch: "f", offset: 2 });
  expect(seen).toEqual(["stands at f:2"]);
});

test("a reader in the middle of catching up goes on at the start of a numbering begun anew", async () => {
  const hand = new HandBroker();
  hand.fill(1_400);
  const { hub, member, room, seen } = await open(hand);
  let reads = 0;
  hand.onRead = () => {
    reads += 1;
    if (reads !== 2) return;
    hand.startOver("f");
    hand.fill(3);
  };
  await hub.join(room, member, "start");
  hand.fill(4);
  room.flush();
  expect(seen).toEqual([
    "stands at e:0",
    "e:1 to e:500",
    "reset from e:500 to f:0",
    "f:1 to f:3",
    "f:4 to f:4",
  ]);
});

test("a reader that reads live is told where the room goes on, and what comes after", async () => {
  const hand = new HandBroker();
  hand.fill(2);
  const { hub, member, room, seen } = await open(hand);
  await hub.join(room, member, "start");
  hand.listener.moved("hall", { epoch: "e", offset: 7 });
  hand.startOver("f");
  hand.fill(1);
  room.flush();
  expect(seen).toEqual([
    "stands at e:0",
    "e:1 to e:2",
    "trimmed from e:2 to e:7",
    "reset from e:7 to f:0",
    "f:1 to f:1",
  ]);
});
