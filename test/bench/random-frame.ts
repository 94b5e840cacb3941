/** Frames that a careless or hostile client might send, from a seed. */

import { toRawFrame } from "./raw-socket.ts";

/** Numbers from 0 up to 1, the same ones for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const types = ["message", "signal", "join", "leave", "members", "auth", "echo", "ping", "no", ""];
const rooms = ["a", "b", "c", "$clock", "", "no room", "x".repeat(129), "__proto__"];
const keys = ["room", "content", "ref", "id", "since", "before", "limit", "username", "data"];
const values: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  "",
  "start",
  "e:1",
  "e:99999999999999999999",
  "\ud800",
  "\u0000\r\n\n",
  "é€𝄞".repeat(20),
  "y".repeat(5_000),
  [],
  [[[[[[]]]]]],
  { toString: 1, __proto__: null, constructor: {} },
];

/** Makes one frame: mostly a request with odd fields, else its text cut or changed, else bytes. */
export function randomFrame(random: () => number): Buffer {
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)];
  const kind = random();
  if (kind < 0.1) return toRawFrame(0x2, randomBinary(random, pick));
  // Answers to history are long, so it is asked for seldom.
  const type = random() < 0.005 ? "history" : pick(types);
  const fields: Record<string, unknown> = { type, room: pick(rooms), content: "hello" };
  for (let count = Math.floor(random() * 4); count > 0; count -= 1) {
    fields[pick(keys) ?? ""] = random() < 0.3 ? pick(rooms) : pick(values);
  }
  const text = Buffer.from(JSON.stringify(fields));
  if (kind > 0.9) text[Math.floor(random() * text.length)] = 0x20 + Math.floor(random() * 95);
  const end = kind > 0.87 && kind <= 0.9 ? Math.floor(random() * text.length) : text.length;
  return toRawFrame(0x1, text.subarray(0, end));
}

function randomBinary(
  random: () => number,
  pick: <Item>(items: readonly Item[]) => Item | undefined,
): Buffer {
  const room = Buffer.from(pick(rooms) ?? "");
  const noise = Buffer.from(Array.from({ length: random() * 64 }, () => random() * 256));
  if (random() < 0.3) return noise;
  return Buffer.concat([Buffer.from([random() * 4, room.length]), room, noise]);
}
