import { expect, test } from "bun:test";
import { RedisWatch } from "../../src/broker/redis-watch.ts";
import { ManualClock } from "../support/manual-clock.ts";

/** A watch of a connection that answers when it is told to. It looks every 10 ms, and waits 30. */
class Scene implements Disposable {
  readonly clock = new ManualClock();
  heard = 0;
  silences = 0;
  #answers: (() => void)[] = [];
  readonly #watch = new RedisWatch({
    clock: this.clock,
    checkMs: 10,
    silenceMsMax: 30,
    ask: () => [new Promise<void>((resolve) => this.#answers.push(resolve))],
    heard: () => this.heard,
    onSilence: () => {
      this.silences += 1;
    },
  });

  constructor() {
    this.#watch.start();
  }

  /** Lets looks happen, with so much else heard before each. */
  look(times: number, heard = 0): void {
    for (let time = 0; time < times; time += 1) {
      this.heard += heard;
      this.clock.advance(10);
    }
  }

  async answer(): Promise<void> {
    for (const resolve of this.#answers.splice(0)) resolve();
    await new Promise(setImmediate);
  }

  [Symbol.dispose](): void {
    this.#watch.close();
  }
}

test("a connection that answers is not silent, however often it is asked", async () => {
  using scene = new Scene();
  for (let time = 0; time < 10; time += 1) {
    scene.look(3);
    await scene.answer();
  }
  expect(scene.silences).toBe(0);
});

test("a connection that leaves questions unanswered is silent once, at the bound", () => {
  using scene = new Scene();
  scene.look(3);
  expect(scene.silences).toBe(0);
  scene.look(10);
  expect(scene.silences).toBe(1);
});

test("a connection that answers other questions first is not silent until it ends that", () => {
  using scene = new Scene();
  scene.look(20, 1);
  expect(scene.silences).toBe(0);
  scene.look(2);
  expect(scene.silences).toBe(0);
  scene.look(1);
  expect(scene.silences).toBe(1);
});
