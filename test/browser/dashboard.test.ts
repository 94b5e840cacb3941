/** The dashboard: true numbers, hands on connections, tokens, and what happens when the server goes. */

import { expect, test } from "bun:test";
import { hostname } from "node:os";
import type { Page } from "playwright-core";
import type { ServerStats } from "../../src/protocol/server-report.ts";
import { Client } from "../support/client.ts";
import { EventReader } from "../support/event-reader.ts";
import { HeldSleep } from "../support/held-sleep.ts";
import { eventually } from "../support/poll.ts";
import { RedisServer } from "../support/redis-server.ts";
import { findSystemProgram } from "../support/system-program.ts";
import { createToken, inSeconds, withTokens } from "../support/tokens.ts";
import { TestServer } from "./chromium.ts";
import { measureContrast } from "./contrast.ts";
import { startPrefixProxy } from "./prefix-proxy.ts";
import { describeInChromium } from "./stage.ts";

const phone = { viewport: { width: 375, height: 812 }, hasTouch: true };
/** Text in all colours that the page has. */
const shown =
  "h1,h2,.brand,.readiness,.meta,.hint,th,td,.legend span,.legend strong,.sort,.quiet,a";

describeInChromium("the dashboard", (stage) => {
  const open = (options = {}) => stage.chromium.visit(`${stage.server.url}dashboard`, options);

  test("shows what the server reports: readers, rooms, refusals, version, readiness", async () => {
    using readers = new Readers(stage.server);
    await readers.join("lobby", "Alice");
    await readers.join("lobby", "Bob");
    readers.follow("lobby");
    const page = await open();
    await shows(page, "Connections", "WebSocket 2 SSE 1");
    // Only now: what was refused before the page came is not of its last minute.
    await fetch(`${stage.server.url}rooms/a%20b/messages`);
    const reported = await readStats(stage.server);
    expect(reported.connections).toEqual({ websocket: 2, sse: 1 });
    expect(await page.locator("#ready").textContent()).toBe("Ready");
    expect(await page.locator("#about").textContent()).toContain(reported.version);
    const room = page.locator("#rooms-body tr", { hasText: "lobby" });
    await room.filter({ hasText: /0\/s2 *1/ }).waitFor();
    await page.locator("#refusals-body tr", { hasText: /invalid_room\+\d/ }).waitFor();
    // This process grows as it likes, between two reports as well.
    await eventually("the memory that is reported", async () => {
      const megabytes = /RSS (\d+) MB/.exec(await legend(page, "Memory"))?.[1];
      const { rssBytes } = await readStats(stage.server);
      return Math.abs(Number(megabytes) - rssBytes / 1e6) < 100;
    });
    for (const caption of await page.locator("figcaption").all()) {
      const unit = /\d(,\d+)*(\.\d+)?( (ms|s|bytes?|[KMG]B|cores?)|\/s)?|–/;
      expect(await caption.locator("+ .legend").textContent()).toMatch(unit);
    }
    for (let count = 0; count < 30; count += 1) await stage.server.publish("lobby", count);
    await shows(page, "Publish latency", /p50 [\d.]+ ms p95 [\d.]+ ms p99 [\d.]+ ms/);
  });

  test("ends the connection that was chosen, after asking once, and says so", async () => {
    using readers = new Readers(stage.server);
    const bystander = await readers.join("yard", "Bystander");
    const mallory = await readers.join("yard", "Mallory");
    const page = await open();
    await page.getByPlaceholder("User, address or room").fill("mallory");
    const row = page.locator("#connections-body tr");
    await row.filter({ hasText: "yard" }).waitFor();
    expect(await row.count()).toBe(1);
    await page.getByRole("button", { name: "Disconnect Mallory" }).press("Enter");
    await page.getByText(/^This ends the WebSocket connection from 127\.0\.0\.1/).waitFor();
    await page.keyboard.press("Enter"); // on "Cancel", which has the focus
    await page.locator("#disconnect").waitFor({ state: "hidden" });
    expect(mallory.closed).toBeNull();
    await page.getByRole("button", { name: "Disconnect Mallory" }).click();
    await page.locator("#disconnect").getByRole("button", { name: "Disconnect" }).click();
    await page.getByText(/^Mallory was disconnected at /).waitFor();
    await eventually("Mallory is gone", () => mallory.closed !== null);
    await page.getByText('Nothing matches "mallory".').waitFor();
    expect(bystander.closed).toBeNull();
  });

  test("sorts and pages its connections by keyboard", async () => {
    using readers = new Readers(stage.server);
    const names = Array.from(
      { length: 23 },
      (_, index) => `user ${String(index).padStart(2, "0")}`,
    );
    await Promise.all(names.map((name) => readers.join("crowd", name)));
    const page = await open();
    const place = page.locator("#connections-place");
    await place.filter({ hasText: "1–20 of 23" }).waitFor();
    const first = page.locator("#connections-body th").first();
    await page.getByRole("button", { name: "User", exact: true }).press("Enter");
    expect(await first.textContent()).toBe("user 00");
    await page.getByRole("button", { name: "User", exact: true }).press("Enter");
    expect(await first.textContent()).toBe("user 22");
    expect(await page.locator("th[aria-sort=descending]").textContent()).toBe("User");
    await page.getByRole("button", { name: "Next" }).press("Enter");
    expect(await place.textContent()).toBe("21–23 of 23");
    expect(await first.textContent()).toBe("user 02");
  });

  test("fits a phone, and can be read in both schemes", async () => {
    using readers = new Readers(stage.server);
    await readers.join(
      "a-room-with-a-name-that-is-as-long-as-anybody-would-ever-write",
      "W".repeat(40),
    );
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await open({ ...phone, colorScheme });
      // Whoever was there for the test before may still be listed.
      await page.locator("#connections-body tr", { hasText: "WWWW" }).waitFor();
      await page.locator("#rooms-body tr").first().waitFor();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(375);
      const measured = await page.evaluate(measureContrast, shown);
      expect(measured.paper > 0.5).toBe(colorScheme === "light");
      const weak = measured.ratios.filter(({ ratio }) => ratio < 4.5);
      expect({ colorScheme, weak }).toEqual({ colorScheme, weak: [] });
    }
  });

  test.skipIf(findSystemProgram("redis") === null)(
    "names the machine where several servers may be one over Redis",
    async () => {
      await using redis = await RedisServer.start();
      await using server = await TestServer.start({ redis: redis.url });
      const page = await stage.chromium.visit(`${server.url}dashboard`);
      const about = page.locator("#about", { hasText: ` · ${hostname()} · up ` });
      await about.waitFor();
      await page.close(); // before the server goes
    },
  );

  test("draws nothing while it is hidden, and is up to date when it is seen again", async () => {
    using readers = new Readers(stage.server);
    const page = await open();
    await shows(page, "Connections", "WebSocket 0 SSE 0");
    await setVisibility(page, "hidden");
    await readers.join("hidden", "Alice");
    const uptime = page.locator("#about");
    for (const before of [await uptime.textContent(), await uptime.textContent()]) {
      await eventually("another report", async () => (await uptime.textContent()) !== before);
    }
    await eventually("it is reported", async () => {
      return (await readStats(stage.server)).connections.websocket === 1;
    });
    expect(await legend(page, "Connections")).toBe("WebSocket 0 SSE 0");
    await setVisibility(page, "visible");
    await shows(page, "Connections", "WebSocket 1 SSE 0");
  });

  test("works behind a path prefix", async () => {
    await using proxy = startPrefixProxy(stage.server.url, "/behind/a/proxy/");
    const page = await stage.chromium.visit(`${proxy.url}dashboard`);
    await page.locator("#ready").filter({ hasText: "Ready" }).waitFor();
    expect(await page.getByRole("link", { name: "Rooms" }).getAttribute("href")).toBe("./");
    expect(proxy.strays()).toEqual([]);
  });

  test("is offered in the app at the server's own machine", async () => {
    const page = await stage.chromium.visit(stage.server.url);
    await page.getByRole("link", { name: "Dashboard" }).click();
    await page.locator("#ready").filter({ hasText: "Ready" }).waitFor();
  });
});

describeInChromium(
  "the dashboard of a server that stops",
  (stage) => {
    test("says that it drains, then why it is not connected and until when, and comes back", async () => {
      const drainDelayMs = 123_456;
      using delay = new HeldSleep(drainDelayMs); // until the page was seen
      await using server = await TestServer.start({ drainDelayMs, drainWindowMs: 500 });
      const page = await stage.chromium.visit(`${server.url}dashboard`);
      await page.locator("#ready").filter({ hasText: "Ready" }).waitFor();
      const stopped = server.stop();
      await page.locator("#unready").getByText("The server is going away.").waitFor();
      expect(await page.locator("#ready").textContent()).toBe("Not ready");
      expect(await page.title()).toStartWith("Draining");
      delay.letGo();
      await stopped;
      const banner = page.locator("#banner-text");
      await banner.filter({ hasText: /\. Connecting again in \d+ s\. / }).waitFor();
      expect(await page.locator("#unready").isVisible()).toBe(false);
      await shows(page, "CPU", "in use –"); // no number is shown that nobody reports
      await server.start();
      // Without the waits of a click: it may be back by itself before the banner stands still.
      await page.locator("#banner-now").dispatchEvent("click");
      await page.locator("#banner").waitFor({ state: "hidden" });
      await page
        .locator("#ready")
        .filter({ hasText: /^Ready$/ })
        .waitFor();
      await shows(page, "CPU", /in use [\d.]+ cores?/);
    });
  },
  { overrides: null },
);

describeInChromium(
  "the dashboard of a server with tokens",
  (stage) => {
    const admin = (claims = {}) =>
      createToken({ sub: "olivia", rooms: { "*": ["admin"] }, ...claims });

    test("asks for a token, says what is wrong with one, and keeps the right one in the tab", async () => {
      const page = await stage.chromium.visit(`${stage.server.url}dashboard`, phone);
      await page.getByText("The dashboard is for administrators.").waitFor();
      expect(await page.locator("#page").isVisible()).toBe(false);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(375);
      await give(page, "no token at all");
      await page.getByText("That is not a token").waitFor();
      await give(page, await createToken({ sub: "alice", rooms: { "*": ["read", "write"] } }));
      await page.getByText('This needs a token with "admin" for all rooms').waitFor();
      await give(page, await admin());
      await page.locator("#ready").filter({ hasText: "Ready" }).waitFor();
      expect(await page.locator("#access").isVisible()).toBe(false);
      await page.reload();
      await page.locator("#ready").filter({ hasText: "Ready" }).waitFor();
      expect(page.url()).toBe(`${stage.server.url}dashboard`);
      await page.getByRole("button", { name: "Forget the token" }).click();
      await page.getByText("The dashboard is for administrators.").waitFor();
    });

    test("sends the token in headers only, to the stream, the list and the disconnecting", async () => {
      const urls: string[] = [];
      const page = await stage.chromium.visit(`${stage.server.url}dashboard`);
      page.on("request", (request) => urls.push(request.url()));
      await give(page, await admin());
      using readers = new Readers(
        stage.server,
        await createToken({ sub: "bob", rooms: { "*": ["read"] } }),
      );
      const bob = await readers.join("yard", "Bob");
      await page.getByRole("button", { name: "Disconnect bob" }).click();
      await page.locator("#disconnect").getByRole("button", { name: "Disconnect" }).click();
      await eventually("Bob is gone", () => bob.closed !== null);
      expect(urls.some((url) => url.endsWith("admin/events"))).toBe(true);
      expect(urls.filter((url) => url.includes("eyJ"))).toEqual([]);
    });

    test("tells that a token runs out, goes on with a newer one, and asks when it has", async () => {
      const page = await stage.chromium.visit(`${stage.server.url}dashboard`);
      await give(page, await admin({ exp: inSeconds(20) }));
      await page.getByText(/It holds for \d+ s more/).waitFor();
      expect(await page.locator("#page").isVisible()).toBe(true);
      await give(page, await admin({ exp: inSeconds(2) }));
      await page.getByText(/ran out|expired/).waitFor();
      expect(await page.locator("#page").isVisible()).toBe(true); // what was seen stays
      await give(page, await admin());
      await page.locator("#ready").filter({ hasText: "Ready" }).waitFor();
      expect(await page.locator("#access").isVisible()).toBe(false);
    });

    test("takes over the token of the app, which offers it to administrators only", async () => {
      const all = ["read", "write", "admin"];
      const rooms = { "*": all, "$*": ["read"] };
      const page = await stage.chromium.visit(
        `${stage.server.url}#access_token=${await createToken({ sub: "olivia", rooms })}&room=general`,
      );
      await page.getByRole("link", { name: "Dashboard" }).click();
      await page.locator("#ready").filter({ hasText: "Ready" }).waitFor();
      const token = await createToken({ sub: "alice", rooms: { "*": ["read", "write"] } });
      const other = await stage.chromium.visit(
        `${stage.server.url}#access_token=${token}&room=general`,
      );
      await other
        .locator("#state")
        .filter({ hasText: /^Connected$/ })
        .waitFor();
      expect(await other.getByRole("link", { name: "Dashboard" }).isVisible()).toBe(false);
    });
  },
  { overrides: { ...withTokens, tokenLeewayMs: 0 }, expected: /status of 40[13]/ },
);

/** Clients of a server, which leave with the block. */
class Readers implements Disposable {
  readonly #server: TestServer;
  readonly #token: string | undefined;
  readonly #clients: Client[] = [];
  readonly #streams: EventReader[] = [];

  constructor(server: TestServer, token?: string) {
    this.#server = server;
    this.#token = token;
  }

  async join(room: string, username: string): Promise<Client> {
    const protocols = this.#token === undefined ? [] : ["partyline.v1", `bearer.${this.#token}`];
    const client = new Client(`${this.#server.url.replace("http", "ws")}ws`, protocols);
    this.#clients.push(client);
    await client.next("welcome");
    await client.join(room, { username });
    return client;
  }

  follow(room: string): void {
    this.#streams.push(new EventReader(`${this.#server.url}rooms/${room}/events`));
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client.close();
    for (const stream of this.#streams) stream[Symbol.dispose]();
  }
}

/** What the server itself reports now. */
async function readStats({ url }: TestServer): Promise<ServerStats> {
  using reader = new EventReader(`${url}admin/events`);
  const { data } = await eventually("a report", () =>
    reader.events.find(({ event }) => event === "stats"),
  );
  return JSON.parse(data);
}

/** The newest numbers of a chart, in words. */
async function legend(page: Page, title: string): Promise<string> {
  const chart = page.locator("figure", { has: page.getByText(title, { exact: true }) });
  const items = await chart.locator("li").allInnerTexts();
  return items.map((text) => text.replace(/\s+/g, " ").trim()).join(" ");
}

/** Waits until a chart shows numbers. */
async function shows(page: Page, title: string, expected: string | RegExp): Promise<void> {
  let text = "";
  await eventually(`${title}: ${expected}`, async () => {
    text = await legend(page, title);
    return typeof expected === "string" ? text === expected : expected.test(text);
  }).catch((thrown) => {
    throw new Error(`${thrown.message}; it shows: ${text}`);
  });
}

/** A page cannot be hidden for real without a window: it is told so. */
async function setVisibility(page: Page, state: string): Promise<void> {
  await page.evaluate((value) => {
    Object.defineProperty(document, "visibilityState", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
}

async function give(page: Page, token: string): Promise<void> {
  const field = page.getByRole("textbox", { name: "Token" });
  await field.fill(token);
  await field.press("Enter");
}
