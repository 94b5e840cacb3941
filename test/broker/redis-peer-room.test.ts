import { beforeEach, describe, expect, test } from "bun:test";
import {
  decodeNews,
  encodePresenceNews,
  encodeSignalNews,
  nodeOf,
  type PresenceNews,
  parseFields,
  toField,
  toValue,
} from "../../src/broker/redis-peer-news.ts";
import { PeerRoom } from "../../src/broker/redis-peer-room.ts";
import type { PeersListener, Share } from "../../src/hub/ports.ts";

const settled: ReadonlySet<string> = new Set(["b", "c"]);
const idle = { observers: 0, absent: false } as const;

let room: PeerRoom;
let heard: string[];
let listener: PeersListener;

beforeEach(() => {
  room = new PeerRoom("hall");
  heard = [];
  const ids = (shares: readonly Share[]) => shares.map(({ id }) => id).join();
  listener = {
    onCrowd: (_room, node, shares) => heard.push(`${node} has ${ids(shares)}`),
    onShares: (_room, node, shares, gone) => heard.push(`${node} +${ids(shares)} -${gone}`),
    onObservers() {},
    onSignal() {},
  };
});

function share(id: string, connections = 1): Share {
  return { id, name: id, joinedAt: 5, connections, namedAt: 6 };
}

function news(version: number, ids: string[], gone: string[] = []): PresenceNews {
  const shares = ids.map((id) => share(id));
  return { kind: "presence", node: "b", version, shares, gone, ...idle, observers: null };
}

function crowd(version: number, ...ids: string[]) {
  return new Map([["b", { version, observers: 0, shares: ids.map((id) => share(id)) }]]);
}

describe("what a node tells of a room", () => {
  test("is each user once, as they are by then", () => {
    for (const connections of [1, 2, 3]) room.share(share("ada", connections));
    room.share(share("bob"));
    room.unshare("bob"); // nobody has heard of bob
    expect(room.take(9)).toEqual({ shares: [share("ada", 3)], gone: [], ...idle });
    expect(room.take(9)).toBeNull();
    room.unshare("ada");
    room.share(share("ada"));
    expect(room.take(9)).toEqual({ shares: [share("ada")], gone: [], ...idle });
    room.unshare("ada");
    expect(room.isIdle).toBe(false);
    expect(room.take(9)).toMatchObject({ gone: ["ada"], absent: true });
    expect([room.take(9), room.isIdle]).toEqual([null, true]);
  });

  test("comes in pieces of at most so many users", () => {
    for (let index = 0; index < 5; index += 1) room.share(share(`u${index}`));
    expect(room.take(2)?.shares).toHaveLength(2);
    room.unshare("u0");
    const second = room.take(2);
    expect([second?.gone, second?.shares.map(({ id }) => id)]).toEqual([["u0"], ["u2"]]);
    expect(room.take(2)?.shares.map(({ id }) => id)).toEqual(["u3", "u4"]);
    expect(room.take(2)).toBeNull();
  });

  test("is told later where it failed, as it is then", () => {
    for (const id of ["ada", "bob"]) room.share(share(id));
    room.observe(2);
    const first = room.take(9);
    room.unshare("ada");
    room.share(share("bob", 2));
    if (first !== null) room.putBack(first);
    expect(room.take(9)).toEqual({
      ...{ shares: [share("bob", 2)], gone: ["ada"] },
      ...{ observers: 2, absent: false },
    });
    room.observe(0);
    const second = room.take(9);
    if (second !== null) room.putBack(second);
    expect(room.take(9)).toMatchObject({ observers: 0 }); // others may still count two
  });

  test("keeps for itself for a while who is gone, after an outage", () => {
    room.share(share("ada"));
    room.take(9);
    room.unshare("ada");
    room.holdGone();
    expect([room.take(9), room.isIdle]).toEqual([null, false]);
    expect(room.releaseGone()).toBe(true);
    expect(room.take(9)).toMatchObject({ gone: ["ada"], absent: true });
    expect([room.releaseGone(), room.take(9), room.isIdle]).toEqual([false, null, true]);
  });
});

describe("what a node hears of a room", () => {
  test("counts by its version, whether it comes before the whole list or after", () => {
    room.ask();
    room.hear(news(4, ["old"]), listener); // is in the list already, or undone by it
    room.hear(news(6, ["new"]), listener);
    expect(heard).toEqual([]);
    room.meet(crowd(5, "ada"), settled, listener);
    expect(heard).toEqual(["b has ada", "b +new -"]);
    room.hear(news(6, ["again"]), listener);
    room.hear(news(5, ["late"]), listener);
    expect(heard).toHaveLength(2);
  });

  test("that a node was taken out counts between its last word and its next", () => {
    const absent = { ...news(5.5, []), absent: true };
    room.ask();
    room.hear(absent, listener);
    room.meet(crowd(5, "ada"), settled, listener); // was read just before
    expect(heard).toEqual(["b has ada", "b has "]);
    room.ask();
    room.hear(absent, listener);
    room.meet(crowd(6, "ada"), settled, listener); // it has come back since
    expect(heard.slice(2)).toEqual(["b has ada"]);
  });

  test("takes nobody for gone on the word of a node that has not told everything", () => {
    room.meet(crowd(1, "ada", "bob"), settled, listener);
    expect(room.meet(crowd(2, "bob"), new Set(), listener)).toEqual(["b"]);
    expect(room.meet(new Map(), new Set(["c"]), listener)).toEqual(["b"]);
    expect(heard).toEqual(["b has ada,bob", "b +bob -"]);
    expect(room.meet(new Map(), settled, listener)).toEqual([]);
    expect(heard.at(-1)).toBe("b has ");
  });
});

describe("news", () => {
  const odd = ["", "\ud800", 'quo"te', "line\nbreak", "\u2028", "~", "é😀"];

  test("come back as they were, with users of any id", () => {
    const shares = odd.map((id) => ({ ...share(id), name: `${id}!` }));
    const told = { node: "b", version: 7, shares, gone: odd, observers: 3, absent: false };
    const text = encodePresenceNews(told);
    expect(nodeOf(text)).toBe("b");
    expect(decodeNews(Buffer.from(text).toString())).toEqual({ kind: "presence", ...told });
    for (const id of odd) {
      const from = { id, name: id };
      for (const body of [
        { kind: "json", json: '{"a":"b\\n"}' },
        { kind: "bytes", bytes: new Uint8Array([0, 10, 255]) },
      ] as const) {
        const signal = Buffer.from(encodeSignalNews("b", from, body)).toString();
        expect(decodeNews(signal)).toEqual({ kind: "signal", node: "b", from, body });
      }
    }
  });

  test("are kept in fields that tell all users apart, and observers from them", () => {
    const shares = odd.map((id, joinedAt) => ({ ...share(id), joinedAt }));
    const fields = shares.flatMap((each) => [toField(each.id), toValue(each)]);
    const read = parseFields(["", "12 3", ...fields].map((text) => Buffer.from(text).toString()));
    expect(read).toEqual({ version: 12, observers: 3, shares });
    expect(new Set(odd.map(toField)).has("")).toBe(false);
    const older = parseFields(["", "3 0", '"ada"', '["Ada",5,2]']); // of a node of an older version
    expect(older.shares).toEqual([{ ...share("ada", 2), name: "Ada", namedAt: 5 }]);
  });
});
