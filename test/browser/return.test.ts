/** Coming back: after a reload, a restart of the server, a long time away. */

import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { RedisServer } from "../support/redis-server.ts";
import { findSystemProgram } from "../support/system-program.ts";
import { message, say, settled, TestServer, texts } from "./chromium.ts";
import { describeInChromium } from "./stage.ts";

describeInChromium(
  "coming back",
  (stage) => {
    test("a reload shows what was there and what was missed, with a line between them", async () => {
      await using server = await TestServer.start();
      const page = await stage.chromium.join(server.url, "Alice", "general");
      await server.publish("general", "before");
      await message(page, "before").waitFor();
      await page.goto("about:blank");
      const missed = ["missed 1", "missed 2", "missed 3"];
      for (const text of missed) await server.publish("general", text);
      await page.goto(server.url);
      const expected = ["before", ...missed];
      expect(
        await settled(
          () => texts(page),
          (shown) => shown.length === 4,
        ),
      ).toEqual(expected);
      const line = page.locator("#messages .line.new");
      await line.waitFor();
      const next = line.locator("xpath=following-sibling::li[1]");
      expect(await next.locator(".content").textContent()).toBe("missed 1");
      await page.reload();
      expect(
        await settled(
          () => texts(page),
          (shown) => shown.length === 4,
        ),
      ).toEqual(expected);
      expect(
        await settled(
          () => line.count(),
          (count) => count === 0,
        ),
      ).toBe(0);
      expect(await page.locator("#me").textContent()).toBe("Alice");
    });

    test("a restart of the server loses nothing, not even what was written meanwhile", async () => {
      await using server = await TestServer.start();
      const alice = await stage.chromium.join(server.url, "Alice", "general");
      const bob = await stage.chromium.join(server.url, "Bob", "general");
      await say(alice, "one");
      await message(bob, "one").waitFor();
      await server.stop();
      await alice.locator("#banner").waitFor();
      expect(await alice.locator("#banner-text").textContent()).toMatch(
        /^The server|^The connection/,
      );
      await say(alice, "two");
      await say(alice, "three");
      await alice.getByText("Waiting to be sent").first().waitFor();
      await server.start();
      await server.publish("general", "four or two");
      await reconnect(alice);
      await reconnect(bob);
      await say(bob, "five");
      const right = (shown: string[]) => shown.length === 5;
      const shown = await settled(() => texts(alice), right);
      expect([...shown].sort()).toEqual(["five", "four or two", "one", "three", "two"]);
      expect(shown.indexOf("two")).toBeLessThan(shown.indexOf("three"));
      const waiting = alice.getByText("Waiting to be sent");
      expect(
        await settled(
          () => waiting.count(),
          (count) => count === 0,
        ),
      ).toBe(0);
      expect(await settled(() => texts(bob), right)).toEqual(await texts(alice));
    });

    test("what was written while cut off survives a reload, and is stored once", async () => {
      await using server = await TestServer.start();
      const page = await stage.chromium.join(server.url, "Alice", "general");
      await page.context().route("**/*", (route) => route.continue());
      await server.stop();
      await page.locator("#banner").waitFor();
      await say(page, "written offline");
      await server.start();
      await page.reload();
      await message(page, "written offline").waitFor();
      const readLog = async () => {
        const kept = await fetch(`${server.url}rooms/general/messages`);
        const { messages }: { messages: { content: unknown }[] } = await kept.json();
        return messages.map(({ content }) => content);
      };
      await settled(readLog, ({ length }) => length > 0);
      await settled(
        () => page.getByText("Waiting to be sent").count(),
        (count) => count === 0,
      );
      expect(await readLog()).toEqual(["written offline"]);
    });

    test.skipIf(findSystemProgram("redis") === null)(
      "a room that cannot be entered for now says why, and is entered when it can be",
      async () => {
        await using redis = await RedisServer.start();
        await using server = await TestServer.start({ redis: redis.url });
        const page = await stage.chromium.join(server.url, "Alice", "general");
        await redis.kill();
        await page.keyboard.press("Control+k");
        await page.keyboard.type("other");
        await page.keyboard.press("Enter");
        const reason = page.getByText("The message store cannot be reached.");
        await reason.waitFor();
        await redis.restart();
        await page.getByText("Nothing has been said here yet.").waitFor();
        await reason.waitFor({ state: "hidden" });
      },
    );

    test("messages that are no longer kept are said to be missing, and how many", async () => {
      const retention = { messagesMax: 10, ageMsMax: 0, bytesMax: 0 };
      await using server = await TestServer.start({ durability: "memory", retention });
      const page = await stage.chromium.join(server.url, "Alice", "general");
      await server.publish("general", "seen");
      await message(page, "seen").waitFor();
      await page.goto("about:blank");
      for (let number = 1; number <= 30; number += 1)
        await server.publish("general", `n ${number}`);
      await page.goto(server.url);
      await message(page, "n 30").waitFor();
      const gap = page.locator("#messages .line.gap");
      await gap.waitFor();
      // The log may keep a few more than it has to: the number said has to be the number missing.
      const shown = await texts(page);
      expect(shown.at(-1)).toBe("n 30");
      expect(await gap.textContent()).toBe(`${30 - shown.length} messages are no longer kept`);
    });

    test("a log that started over is said to be another one", async () => {
      await using server = await TestServer.start({ durability: "memory" });
      const page = await stage.chromium.join(server.url, "Alice", "general");
      await server.publish("general", "old");
      await message(page, "old").waitFor();
      await server.stop();
      await server.start();
      await reconnect(page);
      await server.publish("general", "new");
      await message(page, "new").last().waitFor();
      await page.getByText("The room started over here").waitFor();
      expect(await texts(page)).toEqual(["old", "new"]);
    });
  },
  { overrides: null },
);

/** Does not wait for the countdown, as an impatient user would not. */
async function reconnect(page: Page): Promise<void> {
  const isUp = () => page.locator("#state").textContent();
  await settled(
    async () => {
      const now = page.getByRole("button", { name: "Connect now" });
      if (await now.isVisible()) await now.click({ timeout: 500 }).catch(() => {}); // up by itself
      return isUp();
    },
    (state) => state === "Connected",
  );
  expect(await isUp()).toBe("Connected");
}
