/** The page itself: windows of all widths, keys, colours, the live view, the manual. */

import { expect, test } from "bun:test";
import { say, settled, texts } from "./chromium.ts";
import { measureContrast } from "./contrast.ts";
import { startPrefixProxy } from "./prefix-proxy.ts";
import { describeInChromium } from "./stage.ts";

/** What is written in all colours that the page has. */
const shown =
  "#title,#subtitle,.who,.message time,.message a,.content,.item,.meta,.hint,.primary,h2";

describeInChromium("the page", (stage) => {
  test("on a phone the composer is in view, and the sides are sheets", async () => {
    const viewport = { width: 375, height: 667 };
    const page = await stage.chromium.join(stage.server.url, "Alice", "phone", {
      viewport,
      hasTouch: true,
    });
    await say(page, "from a phone, and a rather long text that has to be broken into lines");
    const composer = await page.locator("#composer").boundingBox();
    expect((composer?.y ?? 999) + (composer?.height ?? 999)).toBeLessThanOrEqual(667);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(375);
    expect(await page.locator("#rooms").isVisible()).toBe(false);
    await page.getByRole("button", { name: "Rooms" }).click();
    await page.locator("#room-list").getByText("phone").waitFor();
    expect(await page.locator("#jump kbd").isVisible()).toBe(false); // it has no such keys
    expect(await page.locator("#talk").evaluate((talk: HTMLElement) => talk.inert)).toBe(true);
    await page.keyboard.press("Escape");
    await page.locator("#rooms").waitFor({ state: "hidden" });
    const people = page.getByRole("button", { name: "People" });
    await people.click();
    await page.locator("#people-list").getByText("Alice").waitFor();
    await page.locator("#people").getByRole("button", { name: "Close" }).click();
    await page.locator("#people").waitFor({ state: "hidden" });
    expect(await people.evaluate((button) => button === document.activeElement)).toBe(true);
    await page.setViewportSize({ width: 375, height: 330 }); // a keyboard opened
    const bottom = await settled(
      async () => {
        const raised = await page.locator("#composer").boundingBox();
        return (raised?.y ?? 999) + (raised?.height ?? 999);
      },
      (y) => y <= 330,
    );
    expect(bottom).toBeLessThanOrEqual(330);
  });

  test("everything can be done by keyboard", async () => {
    const page = await stage.chromium.visit(stage.server.url);
    expect(await page.locator("#jump kbd").isVisible()).toBe(true);
    const first = page.locator("#people > section:visible").first(); // nothing is above it
    expect(await first.evaluate((each) => getComputedStyle(each).borderTopStyle)).toBe("none");
    await page.keyboard.type("Alice"); // the field for the name has the focus
    await page.keyboard.press("Tab");
    await page.keyboard.press("Control+a");
    await page.keyboard.type("keys");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "keys" }).waitFor();
    await page.keyboard.type("one line");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("another");
    await page.keyboard.press("Enter");
    const expected = ["one line\nanother"];
    expect(
      await settled(
        () => texts(page),
        (shown) => shown.length === 1,
      ),
    ).toEqual(expected);
    await page.keyboard.press("ArrowUp");
    expect(await page.locator("#text").inputValue()).toBe("one line\nanother");
    await page.keyboard.press("Control+k");
    await page.keyboard.type("bad name");
    await page.getByText("A room's name has letters").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("#switcher").waitFor({ state: "hidden" });
    await page.keyboard.press("Control+k");
    await page.keyboard.type("more-keys");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "more-keys" }).waitFor();
    expect(await page.locator("#text").inputValue()).toBe("");
    await page.keyboard.press("Alt+ArrowDown");
    await page.getByRole("heading", { name: "keys", exact: true }).waitFor();
    expect(await page.locator("#text").inputValue()).toBe("one line\nanother"); // the draft is kept
  });

  test("a name that is missing or too long is refused with the reason", async () => {
    const page = await stage.chromium.visit(stage.server.url);
    await page.getByRole("button", { name: "Join the room" }).click();
    await page.getByText("Write a name first").waitFor();
    await page.getByLabel("Your name").fill("x".repeat(41));
    await page.getByText("That is 41 characters; a name has at most 40.").waitFor();
  });

  test("new messages are told to screen readers, one's own are not", async () => {
    const page = await stage.chromium.join(stage.server.url, "Alice", "aloud");
    await say(page, "mine");
    await stage.server.publish("aloud", "yours", "Bob");
    const announcer = page.locator("#announcer");
    await announcer.filter({ hasText: "Bob: yours" }).waitFor({ state: "attached" });
    expect(await announcer.textContent()).not.toContain("mine");
  });

  test("light and dark follow the system, both with enough contrast", async () => {
    const papers: number[] = [];
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await stage.chromium.join(stage.server.url, "Alice", "colours", { colorScheme });
      await say(page, "https://example.org/");
      await page.locator("#messages .who").first().waitFor();
      const measured = await page.evaluate(measureContrast, shown);
      papers.push(measured.paper);
      for (const { what, ratio } of measured.ratios) {
        expect({ colorScheme, what, isEnough: ratio >= 4.5, ratio }).toMatchObject({
          isEnough: true,
        });
      }
    }
    expect(papers[0]).toBeGreaterThan(0.9);
    expect(papers[1]).toBeLessThan(0.05);
  });

  test("the live view shows the server's numbers, and follows only while it can be seen", async () => {
    const page = await stage.chromium.join(stage.server.url, "Alice", "live");
    const connections = page.locator("#live-charts .value").first();
    expect(
      Number(
        await settled(
          () => connections.textContent(),
          (text) => Number(text) > 0, // the numbers of the seconds before this page come first
        ),
      ),
    ).toBeGreaterThan(0);
    await settled(
      () => page.locator("#live-clock").textContent(),
      (text) => /\d/.test(text ?? ""),
    );
    const observers = async () => {
      const response = await fetch(`${stage.server.url}rooms/$clock`);
      const { observers }: { observers: number } = await response.json();
      return observers;
    };
    expect(await settled(observers, (count) => count === 1)).toBe(1);
    await page.locator("#live summary").click();
    expect(await settled(observers, (count) => count === 0)).toBe(0);
  });

  test("it works behind a path prefix", async () => {
    await using proxy = startPrefixProxy(stage.server.url, "/behind/a/proxy/");
    const page = await stage.chromium.join(proxy.url, "Alice", "prefix");
    await say(page, "through the proxy");
    await settled(
      () => page.getByText("Waiting to be sent").count(),
      (count) => count === 0,
    );
    const connections = page.locator("#live-charts .value").first();
    await settled(
      () => connections.textContent(),
      (text) => text !== "–",
    );
    expect(await connections.textContent()).not.toBe("–");
    expect(proxy.strays()).toEqual([]);
  });
});
