import { describe, expect, jest, test } from "bun:test";
import { connect, type Line, type Transport } from "../../src/client/index.ts";
import { FaultProxy } from "../support/fault-proxy.ts";
import { TestServer } from "../support/server.ts";

/** Twice the milliseconds between two signs of life. */
const deadMsMax = 30_000;
const openMsMax = 10_000;
const stepMs = 1_000;
/** While a line opens, so little time goes by that a busy machine gets there in time. */
const shortStepMs = 50;
const quietMs = 300_000;
/** What proxies allow may be little more than one interval. */
const idleMs = 20_000;
const sleepMs = 3_600_000;

/** A line, and the time: it stands still, in the client and in the server, until a test moves it. */
class Scene implements AsyncDisposable {
  readonly #server: TestServer;
  readonly proxy: FaultProxy;
  readonly #transport: Transport;
  readonly line: Line;
  readonly states: string[] = [];

  private constructor(server: TestServer, transport: Transport) {
    this.#server = server;
    this.proxy = new FaultProxy(server.port);
    this.#transport = transport;
    this.line = connect(this.proxy.url, { transport });
    this.line.on("state", ({ name }) => this.states.push(name));
    this.line.join("general", { since: "start" });
  }

  static async start(transport: Transport): Promise<Scene> {
    jest.useFakeTimers();
    const scene = new Scene(await TestServer.start(), transport);
    await scene.opened();
    return scene;
  }

  /** Moves time on in steps, for so long or until it is true; returns for how long. */
  async pass(ms: number, isOver = () => false, byMs = stepMs): Promise<number> {
    let passedMs = 0;
    while (passedMs < ms && !isOver()) {
      jest.advanceTimersByTime(byMs);
      passedMs += byMs;
      // As long as these take, what else is on its way arrives as well.
      for (let round = 0; round < 5; round += 1) await this.#server.fetch("/livez");
    }
    return passedMs;
  }

  /** Waits until the line is open and its room is joined. */
  async opened(): Promise<void> {
    const isJoined = () => this.line.rooms.get("general")?.isJoined === true;
    await this.pass(deadMsMax + openMsMax, isJoined, shortStepMs);
    expect(this.line.state).toEqual({ name: "open", transport: this.#transport });
    this.states.length = 0;
  }

  /** Milliseconds until the line is found to be lost. */
  lost(): Promise<number> {
    return this.pass(2 * deadMsMax, () => this.states.length > 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    jest.useRealTimers();
    this.line.close();
    this.proxy[Symbol.dispose]();
    await this.#server[Symbol.asyncDispose]();
  }
}

describe("a line's heartbeat", () => {
  for (const transport of ["websocket", "sse"] as const) {
    test(`by ${transport} lets a quiet line be`, async () => {
      await using scene = await Scene.start(transport);
      await scene.pass(quietMs);
      expect(scene.states).toEqual([]);
    });

    test(`by ${transport} keeps proxies from cutting a quiet line as idle`, async () => {
      await using scene = await Scene.start(transport);
      scene.proxy.faults.idleMs = idleMs;
      await scene.pass(quietMs);
      expect(scene.states).toEqual([]);
    });

    test(`by ${transport} finds a dead line within twice its interval`, async () => {
      await using scene = await Scene.start(transport);
      for (const headstartMs of [0, 4_000, 9_000, 14_000]) {
        await scene.opened();
        await scene.pass(headstartMs);
        scene.proxy.kill();
        expect(await scene.lost()).toBeLessThanOrEqual(deadMsMax);
      }
      await scene.opened();
    });

    test(`by ${transport} looks at the line once the machine wakes`, async () => {
      await using scene = await Scene.start(transport);
      scene.proxy.kill();
      jest.setSystemTime(Date.now() + sleepMs); // no timer runs while a machine sleeps
      expect(await scene.lost()).toBeLessThanOrEqual(deadMsMax / 2);
      await scene.opened();
    });

    test(`by ${transport} is not needed to give up an attempt that nothing comes of`, async () => {
      await using scene = await Scene.start(transport);
      const isSocket = transport === "websocket";
      const held = { bufferBytes: Number.POSITIVE_INFINITY };
      Object.assign(scene.proxy.faults, isSocket ? { isDark: true } : held);
      scene.proxy.cut();
      const isAgain = () => scene.states.filter((name) => name === "waiting").length === 2;
      expect(await scene.pass(2 * deadMsMax, isAgain)).toBeLessThanOrEqual(openMsMax + 4 * stepMs);
      scene.proxy.heal();
      await scene.opened();
    });
  }
});
