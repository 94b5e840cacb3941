import { expect, test } from "bun:test";
import { type Heard, RedisLogFeed } from "../../src/broker/redis-log-feed.ts";
import type { Message } from "../../src/hub/message.ts";
import { json, range } from "../contract/broker-scene.ts";
import { ManualClock } from "../support/manual-clock.ts";

/** A feed whose log answers when it is told to: looks pile up in `asked` until then. */
class Scene {
  readonly announced: number[] = [];
  readonly moves: number[] = [];
  forgotten = 0;
  readonly clock = new ManualClock();
  readonly asked: ((answer: string[] | Promise<never>) => void)[] = [];
  readonly feed = new RedisLogFeed("hall", {
    clock: this.clock,
    fence: () => "",
    link: {
      prefix: "p",
      run: "1:run:life",
      noteSeq() {},
      send: () => Promise.reject(new Error("Nobody asked for a command")),
      evaluate: () => new Promise((resolve) => this.asked.push(resolve)),
    },
    listener: {
      announce: (messages) => this.announced.push(...messages.map(({ offset }) => offset)),
      moved: (_, { offset }) => this.moves.push(offset),
      forgotten: () => {
        this.forgotten += 1;
      },
    },
  });

  /** A feed that has announced so many. */
  static async open(last: number): Promise<Scene> {
    const scene = new Scene();
    const opened = scene.feed.catchUp();
    await scene.answer(last, last + 1, []);
    expect(await opened).toMatchObject({ last });
    return scene;
  }

  /** Answers the oldest look: the newest offset there is, and the messages of a page. */
  async answer(last: number, from: number, offsets: readonly number[]): Promise<void> {
    await turns();
    const payloads = offsets.map((offset) => `"${offset}"\n1 0 j ["a","A"]\n1`);
    this.asked.shift()?.([`epoch1 ${last} 1 ${last} 0 ${from}`, ...payloads]);
    await turns();
  }

  /** Hears of messages that are too large to be announced. */
  hearBare(first: number, last: number): void {
    expect(this.feed.take({ epoch: "epoch1", first, last, messages: undefined })).toEqual([]);
    this.feed.told();
  }

  hear(first: number, last: number, epoch = "epoch1"): void {
    const from = { id: "a", name: "A" };
    const toMessage = (offset: number): Message => {
      return { room: "hall", epoch, offset, id: `${offset}`, from, at: 0, body: json(1) };
    };
    const heard: Heard = { epoch, first, last, messages: () => range(first, last).map(toMessage) };
    this.announced.push(...this.feed.take(heard).map(({ offset }) => offset));
    this.feed.told();
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
}

test("a feed announces what is next, and drops what it announced", async () => {
  const scene = await Scene.open(10);
  scene.hear(11, 12);
  scene.hear(11, 12);
  scene.hear(9, 13);
  expect(scene.announced).toEqual([11, 12, 13]);
  expect(scene.asked).toEqual([]);
});

test("a feed waits a turn for what is missing before it asks the log", async () => {
  const scene = await Scene.open(10);
  scene.hear(13, 13);
  scene.hear(12, 12);
  scene.hear(11, 11);
  await turns();
  expect([scene.announced, scene.asked]).toEqual([[11, 12, 13], []]);
});

test("a feed reads what is missing, and nothing twice", async () => {
  const scene = await Scene.open(10);
  scene.hear(13, 14);
  await turns();
  scene.hear(15, 15);
  await scene.answer(14, 11, [11, 12, 13, 14]);
  expect([scene.announced, scene.asked]).toEqual([range(11, 15), []]);
});

test("a feed asks again when more is missing than there was when it asked", async () => {
  const scene = await Scene.open(10);
  scene.hear(13, 13);
  await turns();
  scene.hear(16, 16);
  await scene.answer(13, 11, [11, 12, 13]);
  expect(scene.announced).toEqual([11, 12, 13]);
  await scene.answer(16, 14, [14, 15, 16]);
  expect([scene.announced, scene.asked]).toEqual([range(11, 16), []]);
});

test("a feed reads page after page until the newest", async () => {
  const scene = await Scene.open(0);
  const caughtUp = scene.feed.catchUp();
  await scene.answer(5, 1, [1, 2]);
  await scene.answer(6, 3, [3, 4]);
  await scene.answer(6, 5, [5, 6]);
  expect(await caughtUp).toMatchObject({ epoch: "epoch1", last: 6 });
  expect(scene.announced).toEqual(range(1, 6));
});

test("a feed looks again for whoever asks while it looks, once for all of them", async () => {
  const scene = await Scene.open(10);
  const first = scene.feed.catchUp();
  await turns();
  const others = [scene.feed.catchUp(), scene.feed.catchUp()];
  await scene.answer(10, 11, []);
  expect(await first).toMatchObject({ last: 10 });
  await scene.answer(11, 11, [11]);
  expect(await Promise.all(others)).toMatchObject([{ last: 11 }, { last: 11 }]);
  expect([scene.announced, scene.asked]).toEqual([[11], []]);
});

test("a feed moves where the log has forgotten what is missing, but not where it heard of it", async () => {
  const scene = await Scene.open(10);
  scene.hear(13, 13);
  await turns();
  await scene.answer(20, 18, [18, 19, 20]);
  expect([scene.moves, scene.announced]).toEqual([[17], [18, 19, 20]]);
  const looking = scene.feed.catchUp();
  await turns();
  scene.hear(21, 25);
  await scene.answer(25, 24, [24, 25]);
  await looking;
  expect([scene.moves, scene.announced]).toEqual([[17], range(18, 25)]);
});

test("a feed lets those wait whose messages are not announced, and no longer than the link", async () => {
  const scene = await Scene.open(10);
  expect(scene.feed.reached(10)).toBeUndefined();
  const [next, later] = [scene.feed.reached(11), scene.feed.reached(20)];
  scene.hear(11, 11);
  expect(await next).toBeUndefined();
  scene.feed.interrupt();
  expect(await later?.catch(({ code }) => code)).toBe("unavailable");
});

test("a feed reads what is too large to be announced, unless it has it", async () => {
  const scene = await Scene.open(10);
  scene.hearBare(11, 11);
  scene.hear(12, 12);
  await turns();
  await scene.answer(12, 11, [11, 12]);
  scene.hearBare(11, 12);
  await turns();
  expect([scene.announced, scene.asked]).toEqual([[11, 12], []]);
});

test("a feed tells that all before is forgotten, should it have missed that", async () => {
  const scene = await Scene.open(10);
  for (const [last, oldest, forgotten] of [
    [11, 1, 0],
    [12, 12, 1],
  ] as const) {
    const looking = scene.feed.catchUp();
    await turns();
    scene.asked.shift()?.([
      `epoch1 ${last} ${oldest} ${last} 0 ${last}`,
      '"x"\n1 0 j ["a","A"]\n1',
    ]);
    await looking;
    expect([scene.announced.at(-1), scene.forgotten]).toEqual([last, forgotten]);
  }
  expect(scene.moves).toEqual([]);
});

test("a feed that could not read what is missing tries again after a second", async () => {
  const scene = await Scene.open(10);
  scene.hear(12, 12);
  await turns();
  scene.asked.shift()?.(Promise.reject(new Error("It is busy.")));
  await turns();
  expect(scene.asked).toEqual([]);
  scene.clock.advance(1_000);
  await scene.answer(12, 11, [11, 12]);
  expect(scene.announced).toEqual([11, 12]);
});

test("a feed announces nothing once it is closed, and lets everybody go", async () => {
  const scene = await Scene.open(10);
  const waiting = scene.feed.reached(12);
  const looking = scene.feed.catchUp();
  await turns();
  scene.feed.close();
  await scene.answer(12, 11, [11, 12]);
  await Promise.all([waiting, looking]);
  scene.hear(11, 12);
  expect([scene.announced, scene.moves]).toEqual([[], []]);
});

test("a feed reads on after messages that it was to hold, but were too many", async () => {
  const scene = await Scene.open(0);
  for (const offset of range(2, 200)) scene.hear(offset, offset);
  await turns();
  await scene.answer(200, 1, range(1, 200));
  expect([scene.announced, scene.asked]).toEqual([range(1, 200), []]);
});
