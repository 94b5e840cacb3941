import { beforeEach, describe, expect, test } from "bun:test";
import { Hub } from "../../src/hub/hub.ts";
import type { Member } from "../../src/hub/member.ts";
import type { Room } from "../../src/hub/room.ts";
import { Subscription } from "../../src/hub/subscription.ts";
import { limits } from "../../src/protocol/limits.ts";
import { Chance } from "../support/chance.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { eventually } from "../support/poll.ts";
import { SlowBroker } from "../support/slow-broker.ts";

const writer = { id: "ada", name: "Ada" };
const hello = { kind: "json", json: '"hello"' } as const;

let chance: Chance;
let clock: ManualClock;
let broker: SlowBroker;
let systemBroker: SlowBroker;
let hub: Hub;
let sent: [topic: string, frame: string | Uint8Array][];

beforeEach(async () => {
  chance = new Chance(7);
  clock = new ManualClock();
  broker = new SlowBroker({ chance, messagesMax: 100, isAhead: false });
  systemBroker = new SlowBroker({ chance, messagesMax: 60, isAhead: false });
  sent = [];
  const fanout = {
    publish: (topic: string, frame: string | Uint8Array) => void sent.push([topic, frame]),
  };
  hub = new Hub({ broker, systemBroker, fanout, clock });
  await hub.start();
});

class Guest implements Member {
  readonly user: { id: string; name: string };
  isClosed = false;
  isLive = false;
  readonly heard: string[] = [];

  constructor(id: string) {
    this.user = { id, name: id };
  }
  isBinary = () => false;
  observes = () => false;
  stand() {}
  tellGap() {}
  send() {}
  observe() {}
  turn = async () => () => {};
  goLive(room: Room) {
    this.isLive = true;
    hub.goLive(room, this);
  }
  hear(_room: Room, { json }: { json: string }) {
    this.heard.push(json);
  }
  leave(room: Room, wasCut = false) {
    this.isClosed = true;
    hub.leave(room, this, this.isLive, wasCut ? limits.presenceGraceMs : 0);
  }
}

function subscribe() {
  return new Subscription({ queueBytesMax: limits.queueBytesMax, positions: null });
}

describe("a room is let go", () => {
  test("when the last of a thousand members and observers is gone, whichever way they went", async () => {
    const visit = async (index: number) => {
      const name = `room-${index % 7}`;
      await chance.pause(10);
      if (index % 3 === 0) {
        const subscription = subscribe();
        const observing = hub.observe(name, subscription, "end");
        await chance.pause(10); // some are closed before their room is open
        subscription.close();
        await observing;
        return;
      }
      const room = await hub.open(name);
      const guest = new Guest(index % 3 === 1 ? `~${index}` : `user-${index % 20}`);
      const joining = hub.join(room, guest, "start");
      await chance.pause(10);
      guest.leave(room, chance.isLucky(0.5));
      await joining;
    };
    const visits = Array.from({ length: 1_000 }, (_, index) => visit(index));
    for (let index = 0; index < 50; index += 1) {
      await hub.publish(`room-${index % 7}`, "m", writer, hello);
      await chance.pause(3);
    }
    await Promise.all(visits);
    expect(hub.rooms.size).toBeGreaterThan(0); // users who were cut are within their grace
    clock.advance(limits.presenceGraceMs);
    expect([...hub.rooms.keys()]).toEqual([]);
    clock.advance(limits.presenceGatherMs);
    expect(clock.waiting).toBe(0);
  });

  test("when the log does not answer, and can be opened once it does", async () => {
    broker.failure = new Error("gone");
    const opening = Promise.allSettled([hub.open("hall"), hub.open("hall")]);
    expect((await opening).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(hub.rooms.size).toBe(0);
    const subscription = subscribe();
    await expect(hub.observe("hall", subscription, "end")).rejects.toThrow("gone");
    expect(hub.rooms.size).toBe(0);
    broker.failure = null;
    const room = await hub.open("hall");
    expect(room.uses).toBe(1);
    room.release();
    expect(hub.rooms.size).toBe(0);
  });

  test("when the hub is closed, with all its alarms", async () => {
    const room = await hub.open("hall");
    const guest = new Guest("ada");
    await hub.join(room, guest, "end");
    guest.leave(room, true);
    expect(clock.waiting).toBeGreaterThan(0);
    hub.close();
    hub.close();
    expect([hub.rooms.size, clock.waiting]).toEqual([0, 0]);
  });
});

describe("a hub", () => {
  test("opens one room for all who ask at once", async () => {
    const rooms = await Promise.all(Array.from({ length: 5 }, () => hub.open("hall")));
    expect(new Set(rooms).size).toBe(1);
    expect(rooms[0]?.uses).toBe(5);
  });

  test("keeps the server's own rooms in a log of their own", async () => {
    await hub.publish("$clock", "m", writer, hello);
    await hub.publish("clock", "m", writer, hello);
    expect([systemBroker.headNow("$clock").last, broker.headNow("$clock").last]).toEqual([1, 0]);
    expect([systemBroker.headNow("clock").last, broker.headNow("clock").last]).toEqual([0, 1]);
  });

  test("counts what it delivers, and who is there", async () => {
    const room = await hub.open("hall");
    const [ada, guest] = [new Guest("ada"), new Guest("~1")];
    await hub.join(room, ada, "end");
    room.uses += 1;
    await hub.join(room, guest, "end");
    const subscription = subscribe();
    await hub.observe("hall", subscription, "end");
    await hub.publish("hall", "m", writer, hello);
    await hub.publish("elsewhere", "m", writer, hello);
    expect(hub.counts).toMatchObject({
      deliveries: { websocket: 2, sse: 1 },
      joins: { websocket: 2, sse: 1 },
    });
    expect(hub.attendance.of("hall")).toMatchObject({
      members: [{ id: "ada" }, { id: "~1" }],
      memberCount: 2,
      observers: 1,
    });
    expect(hub.attendance.of("elsewhere")).toEqual({ members: [], memberCount: 0, observers: 0 });
    subscription.close();
    expect(hub.rooms.get("hall")?.observerCount ?? 0).toBe(0);
  });

  test("tells a signal to those who read live by their topic, and to others by hand", async () => {
    const room = await hub.open("hall");
    const live = new Guest("ada");
    await hub.join(room, live, "end");
    const late = new Guest("bob");
    room.uses += 1;
    for (let index = 0; index < 3; index += 1) await hub.publish("hall", "m", writer, hello);
    const joining = hub.join(room, late, { epoch: "x", offset: 1 });
    const published: string[] = [];
    const content = { kind: "json", json: '{"typing":true}' } as const;
    hub.signal("hall", writer, content, (topic) => published.push(topic));
    await joining;
    expect(published).toEqual(["jhall"]);
    expect(late.heard.map((json) => JSON.parse(json))).toEqual([
      { type: "signal", room: "hall", from: writer, content: { typing: true } },
    ]);
    expect(hub.counts.signals).toBe(1);
    late.leave(room);
    live.leave(room);
  });

  test("hands observers what one turn of the event loop brought, at its end", async () => {
    const subscription = subscribe();
    await hub.observe("hall", subscription, "end");
    const chunks: string[] = [];
    const reading = (async () => {
      for await (const bytes of subscription.bytes()) chunks.push(new TextDecoder().decode(bytes));
    })();
    for (let index = 0; index < 10; index += 1) void hub.publish("hall", "m", writer, hello);
    await eventually("the tenth message", () => chunks.join("").includes("e:10"));
    expect(chunks.filter((chunk) => chunk.includes("data:"))).toHaveLength(1);
    subscription.close();
    await reading;
  });
});
