/** The suite for logs that several nodes share: what `Broker` promises holds on each of them. */

import { describe, expect, test } from "bun:test";
import type { Message } from "../../src/hub/message.ts";
import type { Broker, Retention } from "../../src/hub/ports.ts";
import type { Position } from "../../src/protocol/position.ts";
import { eventually } from "../support/poll.ts";
import { json, noBounds, plenty, range } from "./broker-scene.ts";

/** A started broker on a node of its own, and what it told, in order. */
export interface SharingNode {
  readonly broker: Broker;
  readonly announced: readonly Message[];
  readonly moves: readonly { readonly room: string; readonly to: Position }[];
  readonly forgotten: readonly string[];
  /** Offsets of a room as they were announced. */
  offsets(room: string): number[];
  /** Parts it from the log, until `join`. */
  part(): Promise<void>;
  /** Resolves once it has caught up. */
  join(): Promise<void>;
}

/** Opens two nodes on an empty log. */
export type OpenNodes = (retention: Retention) => Promise<
  AsyncDisposable & {
    readonly nodes: readonly [SharingNode, SharingNode];
  }
>;

const from = { id: "alice", name: "Alice" };

/** Holds nodes that share a log to the contract. */
export function describeSharing(name: string, open: OpenNodes): void {
  describe(name, () => {
    describeNumbering(open);
    describeListening(open);
    describeParting(open);
    describeForgetting(open);
  });
}

function describeNumbering(open: OpenNodes): void {
  test("numbers what several nodes publish at once as one log, each node's in its order", async () => {
    await using scene = await open(noBounds);
    const published = await Promise.all(
      range(0, 1_199).map(async (n) => {
        const node = scene.nodes[n % 2 === 0 ? 0 : 1];
        if (n % 100 === 0) await Bun.sleep(0);
        return { node: n % 2, ...(await publish(node, `room-${n % 3}`, `id-${n}`)), n };
      }),
    );
    for (const room of range(0, 2)) {
      const here = published.filter(({ n }) => n % 3 === room);
      const offsets = here.map(({ offset }) => offset);
      expect(offsets.toSorted((a, b) => a - b)).toEqual(range(1, 400));
    }
    expect(new Set(published.map(({ epoch }) => epoch)).size).toBe(1);
    const [first, second] = await Promise.all(scene.nodes.map((node) => readAll(node, "room-0")));
    expect(first).toEqual(second as never);
    for (const remainder of [0, 1]) {
      const own = first?.map(({ id }) => Number(id.slice(3))).filter((n) => n % 2 === remainder);
      const early = own?.filter((n) => n % 100 !== 0) ?? [];
      expect(early).toEqual(early.toSorted((a, b) => a - b));
    }
  });

  test("announces on every node what any publishes, once, whole and in order", async () => {
    await using scene = await open(noBounds);
    const { nodes } = scene;
    await listenOnAll(nodes, ["hall", "yard"]);
    for (const turn of range(1, 40)) {
      await Promise.all(
        range(1, 30).map((n) => {
          const node = nodes[(turn + n) % 2 === 0 ? 0 : 1];
          return publish(node, n % 3 === 0 ? "yard" : "hall", `id-${turn}-${n}`);
        }),
      );
    }
    for (const node of nodes) {
      await eventually("all of them", () => node.announced.length === 1_200);
      for (const room of ["hall", "yard"]) {
        const heard = node.announced.filter((message) => message.room === room);
        expect(heard).toEqual(await readAll(node, room));
      }
    }
  });

  test("stores one of the publishes of an id that several nodes make at the same moment", async () => {
    await using scene = await open(noBounds);
    const { nodes } = scene;
    await listenOnAll(nodes, ["hall"]);
    const published = await Promise.all(
      range(0, 299).map((n) => publish(nodes[n % 2 === 0 ? 0 : 1], "hall", `id-${n >> 1}`)),
    );
    const first = published.filter(({ duplicate }) => !duplicate).map(({ offset }) => offset);
    expect(first.toSorted((a, b) => a - b)).toEqual(range(1, 150));
    for (const n of range(0, 149)) {
      expect(published[2 * n]?.offset).toBe(published[2 * n + 1]?.offset ?? 0);
    }
    for (const node of nodes) {
      await eventually("all of them", () => node.announced.length >= 150);
      expect(node.offsets("hall")).toEqual(range(1, 150));
    }
  });

  test("announces a message here before its publish resolves, whatever others publish", async () => {
    await using scene = await open(noBounds);
    const { nodes } = scene;
    await listenOnAll(nodes, ["hall"]);
    const late: number[] = [];
    await Promise.all(
      range(1, 600).map(async (n) => {
        if (n % 20 === 0) await Bun.sleep(n / 20);
        const node = nodes[n % 2 === 0 ? 0 : 1];
        const { offset } = await publish(node, "hall", `id-${n}`);
        if (node.announced.length < offset) late.push(offset);
      }),
    );
    expect(late).toEqual([]);
  });
}

function describeListening(open: OpenNodes): void {
  test("leaves no hole after a listen in the middle of heavy publishing", async () => {
    await using scene = await open(noBounds);
    const [writer, reader] = scene.nodes;
    let isWriting = true;
    const writing = (async () => {
      for (let n = 1; isWriting; n += 1) {
        await Promise.all(range(1, 20).map((k) => publish(writer, "hall", `id-${n}-${k}`)));
      }
    })();
    for (const _ of range(1, 25)) {
      const before = reader.announced.length;
      const { last } = await reader.broker.listen("hall");
      const heard = () => reader.offsets("hall").slice(before);
      await eventually("some messages", () => heard().length > 60);
      reader.broker.unlisten("hall");
      // Some may have been announced before it resolved; the next one is never left out.
      const [first = 0] = heard();
      expect(first).toBeLessThanOrEqual(last + 1);
      expect(heard()).toEqual(range(first, first + heard().length - 1));
    }
    isWriting = false;
    await writing;
  });

  test("catches up when a room is listened to again: all that was stored is announced", async () => {
    await using scene = await open(noBounds);
    const [writer, reader] = scene.nodes;
    await reader.broker.listen("hall");
    for (const n of range(1, 100)) {
      const { offset } = await publish(writer, "hall", `id-${n}`);
      const { last } = await reader.broker.listen("hall");
      expect(last).toBeGreaterThanOrEqual(offset);
      expect(reader.offsets("hall")).toEqual(range(1, last));
    }
  });

  test("announces nothing more of a room once it is not listened to", async () => {
    await using scene = await open(noBounds);
    const [writer, reader] = scene.nodes;
    await listenOnAll([reader], ["hall", "yard"]);
    await publish(writer, "hall", "1");
    await eventually("the first", () => reader.announced.length === 1);
    reader.broker.unlisten("hall");
    reader.broker.unlisten("hall");
    await publish(writer, "hall", "2");
    await publish(writer, "yard", "3");
    await eventually("the other room", () => reader.offsets("yard").length === 1);
    expect(reader.offsets("hall")).toEqual([1]);
  });

  test("hears of a room that is let go and listened to again at once", async () => {
    await using scene = await open(noBounds);
    const [writer, reader] = scene.nodes;
    for (const n of range(1, 30)) {
      const listening = reader.broker.listen("hall");
      reader.broker.unlisten("hall");
      await Promise.all([listening.catch(() => {}), reader.broker.listen("hall")]);
      await publish(writer, "hall", `id-${n}`);
      await eventually("the message", () => reader.offsets("hall").includes(n));
      reader.broker.unlisten("hall");
    }
    expect(reader.offsets("hall")).toEqual(range(1, 30));
  });
}

function describeParting(open: OpenNodes): void {
  test("announces what came while it was parted from the log, once and in order", async () => {
    await using scene = await open(noBounds);
    const [writer, reader] = scene.nodes;
    await listenOnAll(scene.nodes, ["hall", "yard", "quiet"]);
    await publish(writer, "quiet", "1");
    await eventually("the quiet room", () => reader.announced.length === 1);
    for (const round of range(1, 3)) {
      await reader.part();
      await publishMany(writer, "hall", 1_500, `${round}-`);
      await publishMany(writer, "yard", 5, `${round}-`);
      expect(reader.offsets("hall")).toHaveLength(1_500 * (round - 1));
      await reader.join();
      expect(reader.offsets("hall")).toEqual(range(1, 1_500 * round));
      expect(reader.offsets("yard")).toEqual(range(1, 5 * round));
    }
    expect(reader.offsets("quiet")).toEqual([1]);
    expect(reader.moves).toEqual([]);
    await publish(reader, "hall", "last");
    expect(reader.offsets("hall").at(-1)).toBe(4_501);
  });

  test("tells that a room moved where what it missed is forgotten, and goes on after it", async () => {
    await using scene = await open({ ...noBounds, messagesMax: 20 });
    const [writer, reader] = scene.nodes;
    await listenOnAll(scene.nodes, ["hall"]);
    await publishMany(writer, "hall", 10, "a");
    await eventually("the first ones", () => reader.announced.length === 10);
    await reader.part();
    await publishMany(writer, "hall", 500, "b");
    await reader.join();
    const epoch = reader.announced[0]?.epoch ?? "";
    const [move] = reader.moves;
    const offset = move?.to.offset ?? 0;
    expect(reader.moves).toEqual([{ room: "hall", to: { epoch, offset } }]);
    expect(offset).toBeGreaterThanOrEqual(400);
    expect(reader.offsets("hall")).toEqual([...range(1, 10), ...range(offset + 1, 510)]);
  });

  test("turns publishes and reads away while it is parted", async () => {
    await using scene = await open(noBounds);
    const [, node] = scene.nodes;
    await node.broker.listen("hall");
    await node.part();
    expect(node.broker.health()).toBeString();
    for (const asked of [
      publish(node, "hall", "1"),
      node.broker.head("hall"),
      node.broker.read("hall", 0, 1, 1),
      node.broker.rooms("", 1),
      node.broker.forget("hall"),
      node.broker.listen("yard"),
      node.broker.listen("hall"),
    ]) {
      expect(await asked.catch(({ code }) => code)).toBe("unavailable");
    }
    await node.join();
    expect(node.broker.health()).toBeNull();
    expect(await publish(node, "hall", "1")).toMatchObject({ offset: 1, duplicate: false });
    await publish(node, "yard", "1");
    expect([node.offsets("hall"), node.offsets("yard")]).toEqual([[1], []]);
  });
}

function describeForgetting(open: OpenNodes): void {
  test("tells every node that a room is forgotten", async () => {
    await using scene = await open(noBounds);
    const [one, other] = scene.nodes;
    await listenOnAll(scene.nodes, ["hall", "yard"]);
    await publishMany(one, "hall", 100, "a");
    await one.broker.forget("hall");
    expect(one.forgotten).toEqual(["hall"]);
    await eventually("word of it", () => other.forgotten.length === 1);
    expect(other.forgotten).toEqual(["hall"]);
    expect(other.offsets("hall")).toEqual(range(1, 100));
    expect(await publish(other, "hall", "a1")).toMatchObject({ offset: 101, duplicate: false });
    await eventually("the next", () => one.offsets("hall").length === 101);
    expect([one.moves, other.moves]).toEqual([[], []]);
  });

  test("tells of what was forgotten while it was parted, and moves on", async () => {
    await using scene = await open(noBounds);
    const [one, other] = scene.nodes;
    await listenOnAll(scene.nodes, ["hall", "yard"]);
    await publish(one, "yard", "1");
    await eventually("the first", () => other.announced.length === 1);
    await other.part();
    await publishMany(one, "hall", 10, "a");
    await one.broker.forget("hall");
    await one.broker.forget("yard");
    await other.join();
    const epoch = one.announced[0]?.epoch ?? "";
    expect(other.moves).toEqual([{ room: "hall", to: { epoch, offset: 10 } }]);
    expect(other.forgotten).toEqual(["yard"]);
    await publish(one, "hall", "b");
    await eventually("the next", () => other.offsets("hall").length === 1);
    expect(other.offsets("hall")).toEqual([11]);
  });
}

/** Publishes a message; its id is also what it says. */
export function publish(node: Pick<SharingNode, "broker">, room: string, id: string) {
  return node.broker.publish({ room, id, from, at: Date.now(), body: json(id) });
}

/** Publishes so many at the same moment. */
export function publishMany(node: SharingNode, room: string, count: number, id: string) {
  return Promise.all(range(1, count).map((n) => publish(node, room, `${id}${n}`)));
}

async function listenOnAll(nodes: readonly SharingNode[], rooms: readonly string[]): Promise<void> {
  for (const { broker } of nodes) for (const room of rooms) await broker.listen(room);
}

function readAll(node: SharingNode, room: string): Promise<Message[]> {
  return node.broker.read(room, 0, plenty, plenty);
}
