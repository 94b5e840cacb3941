/** The part of the log's suite that does anything in any order and compares with a plain list. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Body, bodyBytes, type Message } from "../../src/hub/message.ts";
import { type OpenBroker, Scene } from "./broker-scene.ts";

const room = fc.constantFrom("a", "b", "c");
const bound = fc.constantFrom(0, 1, 2, 5, 40);
const bytesBound = fc.constantFrom(0, 1, 10, 50, 10_000);
const body = fc.oneof(
  fc.json().map((text): Body => ({ kind: "json", json: text })),
  fc.uint8Array({ maxLength: 30 }).map((bytes): Body => ({ kind: "bytes", bytes })),
);
const draft = fc.record({ room, id: fc.oneof(fc.nat(8).map(String), fc.uuid()), body });
const step = fc.oneof(
  { weight: 4, arbitrary: fc.array(draft, { maxLength: 12 }).map(publishing) },
  fc.tuple(room, bound, bound, bytesBound).map(([...given]) => reading(...given)),
  fc.tuple(room, bound, bound, bytesBound).map(([...given]) => readingBefore(...given)),
  room.map(asking),
  fc.tuple(fc.constantFrom("", "a", "b", "c"), fc.nat(4)).map(([...given]) => listing(...given)),
  fc.constant(reopening()),
);

type Log = Map<string, Message[]>;
type Step = (scene: Scene, log: Log) => Promise<void>;

/** Holds one implementation to the simplest log there is. */
export function describeModel(open: OpenBroker): void {
  test("behaves as a plain list of messages does, whatever is asked of it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        await using scene = await Scene.open(open);
        await scene.listen("a", "b", "c");
        const log: Log = new Map();
        for (const act of steps) await act(scene, log);
        const kept = [...log.values()].flat().length;
        expect(scene.announced).toHaveLength(kept);
      }),
      { numRuns: 40 },
    );
  }, 60_000);
}

function publishing(drafts: readonly { room: string; id: string; body: Body }[]): Step {
  return async (scene, log) => {
    const { epoch } = await scene.broker.head("a");
    const made = drafts.map((given) => scene.draft(given.room, given));
    const expected = made.map((given) => {
      const messages = log.get(given.room) ?? [];
      log.set(given.room, messages);
      const known = messages.find(({ id }) => id === given.id);
      if (known !== undefined) return { epoch, offset: known.offset, duplicate: true };
      const offset = messages.length + 1;
      messages.push({ ...given, epoch, offset });
      return { epoch, offset, duplicate: false };
    });
    expect(await Promise.all(made.map((given) => scene.broker.publish(given)))).toEqual(expected);
  };
}

function reading(name: string, after: number, messagesMax: number, bytesMax: number): Step {
  return async (scene, log) => {
    const above = (log.get(name) ?? []).filter(({ offset }) => offset > after);
    const read = await scene.broker.read(name, after, messagesMax, bytesMax);
    expect(read).toEqual(within(above, messagesMax, bytesMax));
  };
}

function readingBefore(name: string, before: number, messagesMax: number, bytesMax: number): Step {
  return async (scene, log) => {
    const below = (log.get(name) ?? []).filter(({ offset }) => offset < before).reverse();
    const read = await scene.broker.readBefore(name, before, messagesMax, bytesMax);
    expect(read).toEqual(within(below, messagesMax, bytesMax).reverse());
  };
}

function asking(name: string): Step {
  return async (scene, log) => {
    const newest = log.get(name)?.at(-1);
    const expected = { first: 1, last: newest?.offset ?? 0, lastAt: newest?.at ?? 0 };
    expect(await scene.broker.head(name)).toMatchObject(expected);
  };
}

function listing(after: string, roomsMax: number): Step {
  return async (scene, log) => {
    const names = [...log.keys()].sort().filter((name) => name > after);
    const listed = await scene.broker.rooms(after, roomsMax);
    expect(listed.map((head) => head.room)).toEqual(names.slice(0, roomsMax));
  };
}

function reopening(): Step {
  return async (scene) => {
    if (scene.canReopen) await scene.reopen();
  };
}

function within(messages: readonly Message[], messagesMax: number, bytesMax: number): Message[] {
  let bytes = 0;
  return messages.slice(0, messagesMax).filter((message, index) => {
    bytes += bodyBytes(message.body);
    return index === 0 || bytes <= bytesMax;
  });
}
