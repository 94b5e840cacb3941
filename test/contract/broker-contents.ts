/** The part of the log's suite about what comes back: byte for byte what went in. */

import { expect, test } from "bun:test";
import type { Body } from "../../src/hub/message.ts";
import { type OpenBroker, plenty, range, Scene } from "./broker-scene.ts";

/** Holds one implementation to keeping bodies, names and ids as they are. */
export function describeContents(open: OpenBroker): void {
  test("keeps bytes exactly: every value, none, and a view into something larger", async () => {
    const all = Uint8Array.from(range(0, 255));
    const bodies = [
      all,
      new Uint8Array(0),
      all.subarray(100, 110),
      new Uint8Array(1_048_576).fill(7),
    ];
    const kept = await keep(
      open,
      bodies.map((bytes) => ({ kind: "bytes", bytes })),
    );
    expect(kept.map((body) => body.kind)).toEqual(bodies.map(() => "bytes"));
    kept.forEach((body, n) => {
      const bytes = body.kind === "bytes" ? body.bytes : new Uint8Array(1);
      expect(Buffer.compare(bytes, bodies[n] ?? new Uint8Array(1))).toBe(0);
    });
  });

  test("keeps JSON text exactly, its spaces, escapes and numbers included", async () => {
    const texts = [
      "null",
      '""',
      ' { "a" : [ 1.50, -0, 1e400 ] } ',
      '"\\ud800 \\u0000 \\/ \\u00e9"',
      '"é \u2028 😀 中文 \u{10ffff} ＂"',
      '"\ufeff"',
      JSON.stringify("я".repeat(524_287)),
    ];
    const bodies = texts.map((text): Body => ({ kind: "json", json: text }));
    expect(await keep(open, bodies)).toEqual(bodies);
  });

  test("keeps ids, names and times exactly", async () => {
    await using scene = await Scene.open(open);
    const words = [
      "😀é",
      "\ud83d",
      "\udc00x",
      "nul \u0000 in it",
      "'; DROP TABLE messages; --",
      "?1",
    ];
    const drafts = words.map((word, n) =>
      scene.draft("hall", {
        id: `${word} id`,
        from: { id: `${word} by`, name: word },
        at: n * 1e12,
      }),
    );
    const published = await Promise.all(drafts.map((draft) => scene.broker.publish(draft)));
    const epoch = published[0]?.epoch;
    const expected = drafts.map((draft, n) => ({ ...draft, epoch, offset: n + 1 }));
    expect(await scene.broker.read("hall", 0, 100, plenty)).toEqual(expected as never);
    if (!scene.canReopen) return;
    await scene.reopen();
    expect(await scene.broker.readBefore("hall", 100, 100, plenty)).toEqual(expected as never);
  });
}

/** Publishes bodies and reads them back, from a store opened again where that is possible. */
async function keep(open: OpenBroker, bodies: readonly Body[]): Promise<Body[]> {
  await using scene = await Scene.open(open);
  await scene.listen("hall");
  await Promise.all(bodies.map((body) => scene.publish("hall", { body })));
  expect(scene.announced.map(({ body }) => body)).toEqual([...bodies]);
  if (scene.canReopen) await scene.reopen();
  return (await scene.broker.read("hall", 0, plenty, plenty)).map(({ body }) => body);
}
