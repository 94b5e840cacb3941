import { beforeEach, describe, expect, test } from "bun:test";
import { Hub } from "../../src/hub/hub.ts";
import { Subscription } from "../../src/hub/subscription.ts";
import { limits } from "../../src/protocol/limits.ts";
import { Chance } from "../support/chance.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { NotingPeers } from "../support/noting-peers.ts";
import { SlowBroker } from "../support/slow-broker.ts";

const ada = { id: "ada", name: "Ada" };
const hello = { kind: "json", json: '"hello"' } as const;
const member = (id: string) => ({ id, name: id, joinedAt: 5, connections: 2 });
const share = (id: string) => ({ ...member(id), namedAt: 5 });

let clock: ManualClock;
let broker: SlowBroker;
let peers: NotingPeers;
let hub: Hub;
let sent: string[];

beforeEach(async () => {
  clock = new ManualClock();
  const chance = new Chance(3);
  broker = new SlowBroker({ chance, messagesMax: 10, isAhead: false });
  const systemBroker = new SlowBroker({ chance, messagesMax: 10, isAhead: false });
  peers = new NotingPeers();
  sent = [];
  const fanout = { publish: (_topic: string, frame: string | Uint8Array) => sent.push(`${frame}`) };
  hub = new Hub({ broker, systemBroker, peers, fanout, clock, roomMembersMax: 3 });
  await hub.start();
});

describe("a room that other nodes share", () => {
  test("is open once it is known who is there, and closed for them too", async () => {
    peers.crowds.set("hall", { shares: [share("bob")], observers: 0 });
    const { promise, resolve } = Promise.withResolvers<void>();
    peers.meeting = promise;
    let isOpen = false;
    const opening = hub.open("hall").then((room) => {
      isOpen = true;
      return room;
    });
    await Bun.sleep(20); // the log has answered by now
    expect(isOpen).toBe(false);
    resolve();
    const room = await opening;
    expect(room.presence.list()).toEqual([member("bob")]);
    room.release();
    expect(hub.rooms.size).toBe(0); // whoever is elsewhere does not hold it
    expect(peers.told).toEqual(["listen hall", "unlisten hall"]);
  });

  test("is closed for them when the log does not answer", async () => {
    broker.failure = new Error("gone");
    await expect(hub.open("hall")).rejects.toThrow("gone");
    expect(peers.told).toEqual(["listen hall", "unlisten hall"]);
  });

  test("counts the members of all nodes against its bound", async () => {
    peers.crowds.set("hall", { shares: ["a", "b", "c"].map(share), observers: 0 });
    const room = await hub.open("hall");
    hub.seat(room, { id: "a", name: "a" }); // is in already, elsewhere
    expect(() => hub.seat(room, ada)).toThrow("3 members");
  });

  test("tells them of members, observers and signals, and hears theirs", async () => {
    const room = await hub.open("hall");
    room.presence.add(ada);
    const subscription = new Subscription({ queueBytesMax: limits.queueBytesMax, positions: null });
    await hub.observe("hall", subscription, "end");
    hub.signal("hall", ada, hello);
    hub.signal("attic", ada, hello); // nobody is there from here
    subscription.close();
    room.presence.remove("ada");
    expect(peers.told).toEqual([
      ...["listen hall", "share hall ada 1", "observers hall 1", "signal hall", "signal attic"],
      ...["observers hall 0", "unshare hall ada"],
    ]);
    room.readers += 1;
    peers.listener?.onSignal("hall", { id: "bob", name: "Bob" }, hello);
    peers.listener?.onSignal("attic", ada, hello);
    peers.listener?.onShares("hall", "other", [share("bob")], []);
    peers.listener?.onObservers("hall", "other", 4);
    clock.advance(limits.presenceGatherMs);
    expect(sent.map((frame) => JSON.parse(frame))).toMatchObject([
      { type: "signal", from: { id: "bob" }, content: "hello" },
      { type: "presence", joined: [{ id: "bob" }], left: [{ id: "ada" }], observers: 4 },
    ]);
    expect(peers.told.filter((what) => what.startsWith("signal"))).toHaveLength(2);
  });
});

test("the server's own rooms are never told of", async () => {
  const room = await hub.open("$clock");
  room.presence.add(ada);
  room.countStreams(1);
  hub.signal("$clock", ada, hello);
  room.presence.remove("ada");
  room.release();
  expect(await hub.attendance.of("$server")).toMatchObject({ memberCount: 0 });
  expect(peers.told).toEqual([]);
});

describe("rooms that nobody is in here", () => {
  beforeEach(() => {
    const shares = [share("bob"), { ...share("bob"), connections: 1 }, share("eve")];
    peers.crowds.set("attic", { shares, observers: 2 });
    peers.crowds.set("yard", { shares: [share("bob")], observers: 0 });
  });

  test("have the members and observers that other nodes tell", async () => {
    expect(await hub.attendance.of("attic")).toEqual({
      members: [{ ...member("bob"), connections: 3 }, member("eve")],
      memberCount: 2,
      observers: 2,
    });
    await hub.open("hall");
    const counted = await hub.attendance.count(["hall", "$clock", "yard"]);
    expect([...counted]).toEqual([
      ["hall", { members: 0, observers: 0 }],
      ["$clock", { members: 0, observers: 0 }],
      ["yard", { members: 1, observers: 0 }],
    ]);
    expect(await hub.attendance.elsewhere("attic", 5)).toEqual(["yard"]);
  });

  test("are empty when the other nodes cannot be asked", async () => {
    peers.failure = new Error("gone");
    expect(await hub.attendance.of("attic")).toMatchObject({ memberCount: 0, observers: 0 });
    const counted = await hub.attendance.count(["attic"]);
    expect(counted.get("attic")).toEqual({ members: 0, observers: 0 });
    expect(await hub.attendance.elsewhere("", 5)).toEqual([]);
  });
});
