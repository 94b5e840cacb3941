/** People talking in rooms, in a real browser. */

import { expect, test } from "bun:test";
import { FaultProxy } from "../support/fault-proxy.ts";
import { message, say, settled, texts } from "./chromium.ts";
import { describeInChromium } from "./stage.ts";

describeInChromium("people in a room", (stage) => {
  test("two people see each other, and what each says, once and in order", async () => {
    const alice = await stage.chromium.join(stage.server.url, "Alice", "pair");
    const bob = await stage.chromium.join(stage.server.url, "Bob", "pair");
    await say(alice, "Hello Bob");
    await message(bob, "Hello Bob").waitFor();
    await say(bob, "Hello Alice");
    await say(bob, "how are you?");
    const expected = ["Hello Bob", "Hello Alice", "how are you?"];
    for (const page of [alice, bob]) {
      expect(
        await settled(
          () => texts(page),
          (shown) => shown.length === 3,
        ),
      ).toEqual(expected);
      // Consecutive messages of one person share one heading.
      expect(await page.locator("#messages .who").allTextContents()).toEqual(["Alice", "Bob"]);
      const people = page.locator("#people-list .label");
      expect(
        await settled(
          () => people.allTextContents(),
          (names) => names.length === 2,
        ),
      ).toEqual(["Alice", "Bob"]);
    }
    await bob.close();
    const count = alice.locator("#subtitle");
    await count.filter({ hasText: "1 person" }).waitFor();
  });

  test("markup stays text, and only links of http and https become links", async () => {
    const page = await stage.chromium.join(stage.server.url, "Alice", "markup");
    const markup = `<img src=x onerror="document.title='broken'"><b>bold</b>`;
    await say(page, markup);
    await say(page, "see https://example.org/a?b=1. Or javascript:alert(1) (http://example.org/c)");
    await settled(
      () => texts(page),
      (shown) => shown.length === 2,
    );
    expect((await texts(page))[0]).toBe(markup);
    expect(await page.locator("#messages img, #messages b, #messages script").count()).toBe(0);
    expect(await page.title()).toContain("markup");
    const links = page.locator("#messages a");
    expect(await links.evaluateAll((all) => all.map((link) => link.getAttribute("href")))).toEqual([
      "https://example.org/a?b=1",
      "http://example.org/c",
    ]);
    expect(await links.first().getAttribute("rel")).toContain("noopener");
  });

  test("a name of markup stays text everywhere", async () => {
    const page = await stage.chromium.join(stage.server.url, "<i>Eve</i>", "names");
    await say(page, "hi");
    await page.locator("#messages .who").waitFor();
    expect(await page.locator("#messages .who").textContent()).toBe("<i>Eve</i>");
    expect(await page.locator("#people-list .label").textContent()).toBe("<i>Eve</i>");
  });

  test("content that is not text is shown as code, and text in an object as text", async () => {
    const page = await stage.chromium.join(stage.server.url, "Alice", "robots");
    await stage.server.publish("robots", { build: 7, ok: true });
    await stage.server.publish("robots", { text: "plain words" });
    await stage.server.publish("robots", null);
    const shown = await settled(
      () => texts(page),
      (all) => all.length === 3,
    );
    expect(shown).toEqual(['{"build":7,"ok":true}', "plain words", "null"]);
    expect(await page.locator("#messages code.content").count()).toBe(2);
  });

  test("who is writing is shown to the others, until the message is there", async () => {
    const alice = await stage.chromium.join(stage.server.url, "Alice", "typing");
    const bob = await stage.chromium.join(stage.server.url, "Bob", "typing");
    // It is waited for from before it is said, since it stands there for some seconds only.
    await Promise.all([
      bob.getByText("Alice is writing…").waitFor(),
      alice.locator("#text").pressSequentially("let me think"),
    ]);
    expect(await alice.locator("#typing").textContent()).toBe("");
    await alice.locator("#text").press("Enter");
    await message(bob, "let me think").waitFor();
    expect(await bob.locator("#typing").textContent()).toBe("");
  });

  test("unread messages are counted in the side bar and the title, until the room is opened", async () => {
    const page = await stage.chromium.join(stage.server.url, "Alice", "first");
    await page.keyboard.press("Control+k");
    await page.keyboard.type("second");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "second" }).waitFor();
    await stage.server.publish("first", "one");
    await stage.server.publish("first", "two");
    await page.locator("#room-list .badge").filter({ hasText: "2" }).waitFor();
    await settled(
      () => page.title(),
      (title) => title.startsWith("(2) "),
    );
    expect(await page.title()).toBe("(2) second · Partyline");
    await page.keyboard.press("Alt+ArrowUp");
    await message(page, "two").waitFor();
    expect(await page.locator("#messages .line.new").count()).toBe(1);
    expect(
      await settled(
        () => page.title(),
        (title) => title === "first · Partyline",
      ),
    ).toBe("first · Partyline");
  });

  test("older messages come on scrolling up, and the reader keeps the place", async () => {
    for (let number = 1; number <= 200; number += 1)
      await stage.server.publish("long", `line ${number}`);
    const page = await stage.chromium.join(stage.server.url, "Alice", "long");
    await message(page, "line 200").waitFor();
    const log = page.locator("#log");
    const row = message(page, "line 150");
    await row.scrollIntoViewIfNeeded();
    await settled(
      () => texts(page),
      (shown) => shown.includes("line 100"),
    );
    const before = await row.boundingBox();
    await settled(
      async () => message(page, "line 90").count(),
      (n) => n === 1,
      1_000,
    );
    expect(Math.abs(((await row.boundingBox())?.y ?? 0) - (before?.y ?? -999))).toBeLessThan(2);
    const all = Array.from({ length: 200 }, (_, index) => `line ${index + 1}`);
    expect(
      await settled(
        async () => {
          await log.evaluate((element) => element.scrollTo(0, 0));
          return texts(page);
        },
        (shown) => shown.length === 200,
      ),
    ).toEqual(all);
    await page.getByText("This is the beginning of what is kept.").waitFor();
    // A new message does not pull the reader down; the pill does.
    await log.evaluate((element) => element.scrollTo(0, 0));
    await stage.server.publish("long", "news");
    await page.getByRole("button", { name: "1 new" }).click();
    await settled(
      () => log.evaluate((e) => e.scrollHeight - e.clientHeight - e.scrollTop),
      (distance) => distance < 2,
    );
    await page.locator("#pill").waitFor({ state: "hidden" });
  });

  test("copying several messages gives names, times and texts", async () => {
    const page = await stage.chromium.join(stage.server.url, "Alice", "copying");
    await say(page, "first words");
    await say(page, "second words");
    await settled(
      () => texts(page),
      (shown) => shown.length === 2,
    );
    const copied = await page.evaluate(() => {
      const list = document.getElementById("messages");
      if (list === null) return "";
      getSelection()?.selectAllChildren(list);
      const clipboardData = new DataTransfer();
      const event = new ClipboardEvent("copy", { clipboardData, bubbles: true, cancelable: true });
      list.dispatchEvent(event);
      return clipboardData.getData("text/plain");
    });
    expect(copied).toMatch(/^Alice, .+: first words\nAlice, .+: second words$/);
  });
});

describeInChromium(
  "where WebSocket is blocked",
  (stage) => {
    test("people talk all the same, and the page says what it runs over", async () => {
      using proxy = new FaultProxy(stage.server.port, { upgrades: 403 });
      const alice = await stage.chromium.join(`${proxy.url}/`, "Alice", "blocked");
      const bob = await stage.chromium.join(stage.server.url, "Bob", "blocked");
      await alice.locator("#state").filter({ hasText: "Connected over SSE" }).waitFor();
      await Promise.all([
        bob.getByText("Alice is writing…").waitFor(),
        alice.locator("#text").pressSequentially("Hello Bob"),
      ]);
      await alice.locator("#text").press("Enter");
      await message(bob, "Hello Bob").waitFor();
      await say(bob, "Hello Alice");
      const expected = ["Hello Bob", "Hello Alice"];
      for (const page of [alice, bob]) {
        const all = await settled(
          () => texts(page),
          (shown) => shown.length === 2,
        );
        expect(all).toEqual(expected);
        expect(await page.locator("#messages .who").allTextContents()).toEqual(["Alice", "Bob"]);
      }
      await alice.locator("#subtitle").filter({ hasText: "1 person, 1 observer" }).waitFor();
      await alice.getByText("Waiting to be sent").waitFor({ state: "hidden" });
      await alice.reload();
      await message(alice, "Hello Alice").waitFor();
      expect(await texts(alice)).toEqual(expected);
    });
  },
  { expected: /WebSocket connection to/ },
);
