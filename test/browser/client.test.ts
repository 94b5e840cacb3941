/** The client in pages and workers of a browser, as the server serves it. */

import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { FaultProxy } from "../support/fault-proxy.ts";
import { readLog } from "../support/fault-proxy-verdict.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "./chromium.ts";
import { describeInChromium, type Stage } from "./stage.ts";

/** Twice the milliseconds between two signs of life. */
const deadMsMax = 30_000;
const sleepMs = 3_600_000;
/** Milliseconds in which a page that is online again has everything. */
const onlineMsMax = 15_000;
/** Milliseconds of a wait that only the network can end before that. */
const longMs = 20_000;

/** What a page has heard, as it tells it. */
interface Facts {
  readonly contents: readonly string[];
  readonly positions: readonly string[];
  readonly gaps: number;
  readonly published: Readonly<Record<string, string>>;
  readonly states: readonly {
    readonly name: string;
    readonly transport?: string;
    readonly waitMs: number;
  }[];
}

/** Follows a room and answers what it is asked for by `publish`. */
const follow = (from: string) => `
import { connect } from ${JSON.stringify(from)};
const facts = { contents: [], positions: [], gaps: 0, published: {}, states: [] };
const line = connect();
line.on("state", ({ name, transport, retryAt = 0 }) => {
  facts.states.push({ name, transport, waitMs: retryAt - Date.now() });
});
const room = line.join("general", { since: "start" });
room.on("gap", () => { facts.gaps += 1; });
room.on("message", ({ content, position }) => {
  facts.contents.push(content);
  facts.positions.push(position);
});
const publish = (text) => void room.publish(text).then((at) => { facts.published[text] = at; });
`;
const inPage = () => `${follow("./client.js")}
Object.assign(window, { publish, ask: () => facts });
`;
const inWorker = (url: string) => `
const source = ${JSON.stringify(follow(`${url}/client.js`))} + \`
onmessage = ({ data }) => data.text === undefined ? postMessage(facts) : publish(data.text);\`;
const blob = new Blob([source], { type: "text/javascript" });
const worker = new Worker(URL.createObjectURL(blob), { type: "module" });
worker.onerror = ({ message }) => console.error("worker: " + message);
const ask = () => new Promise((resolve) => {
  worker.onmessage = ({ data }) => resolve(data);
  worker.postMessage({});
});
Object.assign(window, { ask, publish: (text) => worker.postMessage({ text }) });
`;

/** Opens a page below the server's address, through a proxy, and runs a script there. */
async function open({ chromium }: Stage, proxy: FaultProxy, script = inPage()): Promise<Page> {
  const page = await chromium.visit(`${proxy.url}/livez`);
  await page.clock.install(); // it goes on as ever, until it is put forward
  await page.addScriptTag({ type: "module", content: script });
  await page.waitForFunction("typeof ask === 'function'");
  await heard(page, "an open line", ({ states }) => states.at(-1)?.name === "open");
  const transport = proxy.faults.upgrades === "pass" ? "websocket" : "sse";
  expect((await read(page)).states.at(-1)?.transport).toBe(transport);
  return page;
}

function read(page: Page): Promise<Facts> {
  return page.evaluate("ask()");
}

function heard(page: Page, what: string, isRight: (facts: Facts) => boolean, withinMs = deadMsMax) {
  return eventually(what, async () => isRight(await read(page)), withinMs);
}

function publish(page: Page, text: string): Promise<unknown> {
  return page.evaluate(`publish(${JSON.stringify(text)})`);
}

/** The page heard all that is kept, in order, once, and was told the truth about its own. */
async function expectWhole(page: Page, server: TestServer, own: readonly string[]): Promise<void> {
  const kept = await readLog(server.url.slice(0, -1), "general");
  await heard(page, "the whole log", ({ contents, published }) => {
    return contents.length >= kept.length && own.every((text) => text in published);
  });
  const { contents, positions, gaps, published } = await read(page);
  expect({
    gaps,
    log: contents.map((content, at) => ({ content, position: positions[at] })),
  }).toEqual({
    gaps: 0,
    log: [...kept],
  });
  const stored = own.map((text) => kept.filter(({ content }) => content === text));
  expect(stored.map((places) => places.map(({ position }) => position))).toEqual(
    own.map((text) => [published[text] ?? ""]),
  );
}

describeInChromium(
  "the client in a browser",
  (stage) => {
    test("a page goes offline and comes online again, and has lost nothing", async () => {
      await using server = await TestServer.start();
      using proxy = new FaultProxy(server.port);
      const page = await open(stage, proxy);
      await publish(page, "before");
      await heard(page, "its own", ({ contents }) => contents.length === 1);
      await page.context().setOffline(true);
      proxy.kill(); // Chromium leaves open connections alone, a network does not
      proxy.faults.isDark = true;
      await publish(page, "offline 1");
      await server.publish("general", "missed");
      await publish(page, "offline 2");
      expect((await read(page)).contents).toEqual(["before"]);
      // Time is put forward until it waits for so long that only the network can call it back.
      await eventually(
        "a long wait",
        async () => {
          const { name, waitMs = 0 } = (await read(page)).states.at(-1) ?? {};
          if (name === "waiting" && waitMs > longMs) return true;
          await page.clock.fastForward(waitMs > 0 ? waitMs : 1_000);
          return false;
        },
        deadMsMax,
      );
      proxy.heal();
      proxy.cut(); // a browser drops what it kept open when the network changes
      const onlineAt = Date.now();
      await page.context().setOffline(false);
      await heard(page, "all four", ({ contents }) => contents.length === 4);
      expect(Date.now() - onlineAt).toBeLessThan(onlineMsMax);
      await expectWhole(page, server, ["before", "offline 1", "offline 2"]);
    });

    test("a worker is cut off and comes back, and has lost nothing", async () => {
      await using server = await TestServer.start();
      using proxy = new FaultProxy(server.port);
      const page = await open(stage, proxy, inWorker(proxy.url));
      await publish(page, "before");
      await heard(page, "its own", ({ contents }) => contents.length === 1);
      proxy.faults.isRefusing = true;
      proxy.cut();
      await heard(page, "a wait", ({ states }) => states.at(-1)?.name === "waiting");
      await publish(page, "away 1");
      await server.publish("general", "missed");
      await publish(page, "away 2");
      proxy.heal();
      await heard(page, "all four", ({ contents }) => contents.length === 4);
      await expectWhole(page, server, ["before", "away 1", "away 2"]);
    });

    test("a page that wakes from sleep on a dead line finds it out, and has lost nothing", async () => {
      await using server = await TestServer.start();
      using proxy = new FaultProxy(server.port);
      const page = await open(stage, proxy);
      await publish(page, "before");
      await heard(page, "its own", ({ contents }) => contents.length === 1);
      proxy.kill();
      await server.publish("general", "asleep");
      await page.clock.fastForward(sleepMs);
      const awakeAt = Date.now();
      await publish(page, "awake");
      await heard(page, "all three", ({ contents }) => contents.length === 3);
      expect(Date.now() - awakeAt).toBeLessThan(deadMsMax / 2);
      await expectWhole(page, server, ["before", "awake"]);
    });

    test("a page gets through where WebSocket is refused, and resumes there over a restart", async () => {
      await using server = await TestServer.start();
      using proxy = new FaultProxy(server.port, { upgrades: 403 });
      const page = await open(stage, proxy);
      await publish(page, "one");
      await heard(page, "its own", ({ contents }) => contents.length === 1);
      await server.stop();
      await publish(page, "two");
      await server.start();
      await server.publish("general", "three");
      await heard(page, "all three", ({ contents }) => contents.length === 3);
      await expectWhole(page, server, ["one", "two"]);
    });
  },
  { overrides: null, expected: /ERR_INTERNET_DISCONNECTED|WebSocket connection to .* failed/ },
);
