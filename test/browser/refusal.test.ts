/** What the server refuses: said in words, kept where it may pass, and never lost in silence. */

import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { say, settled, TestServer, texts } from "./chromium.ts";
import { describeInChromium } from "./stage.ts";

describeInChromium("refusals", (stage) => {
  test("a message that is refused says why, and can be sent again or discarded", async () => {
    const page = await stage.chromium.join(stage.server.url, "Alice", "refused");
    await refuseOnce(page, { code: "forbidden", message: "You may not write here." });
    await say(page, "please");
    await page.getByText("Not sent. You may not write here.").waitFor();
    await page.getByRole("button", { name: "Send again" }).click();
    await settled(
      () => page.locator(".failed, .waiting").count(),
      (count) => count === 0,
    );
    expect(await texts(page)).toEqual(["please"]);
    await refuseOnce(page, { code: "forbidden", message: "Not now." });
    await say(page, "never mind");
    await page.getByRole("button", { name: "Discard" }).click();
    await settled(
      () => texts(page),
      (shown) => shown.length === 1,
    );
    expect(await texts(page)).toEqual(["please"]);
  });

  test("after too many messages it says until when, and sends by itself", async () => {
    const page = await stage.chromium.join(stage.server.url, "Alice", "limited");
    await page.clock.install(); // it goes on as ever, until it is put forward
    const retryAfterMs = 60_000;
    await refuseOnce(page, { code: "rate_limited", message: "Slow down.", retryAfterMs });
    await say(page, "eager");
    await page
      .getByText(/Too many messages at once\. Sending goes on at .+ \(in [3-6]\d s\)\./)
      .waitFor();
    await page.getByText("Waiting to be sent").waitFor();
    await page.clock.fastForward(retryAfterMs);
    await page.getByText("Waiting to be sent").waitFor({ state: "hidden" });
    await page.locator("#note").waitFor({ state: "hidden" });
    expect(await texts(page)).toEqual(["eager"]);
  });

  test("a text that gets too long is counted from nine tenths on, and not sent beyond", async () => {
    // A small limit: a browser takes half a minute over a megabyte where it has little of a processor.
    await using server = await TestServer.start({ frameBytesMax: 65_536 });
    const page = await stage.chromium.join(server.url, "Alice", "lengthy");
    await page.locator("#text").fill("x".repeat(60_000));
    await page.getByText("60 KB of 65 KB").waitFor();
    await page.locator("#text").fill("x".repeat(65_536));
    await page.getByText(/^Too long by \d+ bytes\. Shorten it/).waitFor();
    await page.locator("#text").press("Enter");
    expect(await texts(page)).toEqual([]);
    await page.locator("#text").fill("y".repeat(5_000));
    await page.locator("#text").press("Enter");
    await page.getByRole("button", { name: "Show all 5,000 characters" }).click();
    const whole = ["y".repeat(5_000)];
    const shown = await settled(
      () => texts(page),
      ([text]) => text === whole[0],
    );
    expect(shown).toEqual(whole);
    await page.close(); // before the server goes
  });

  test("the server's own rooms can be read and not written", async () => {
    const page = await stage.chromium.join(stage.server.url, "Alice", "$server");
    await page.getByText("This room is read only.").waitFor();
    await settled(
      () => texts(page),
      (shown) => shown.length > 0,
    );
    expect((await texts(page))[0]).toContain('"deliveriesPerSecond"');
    expect(await page.locator("#composer").isVisible()).toBe(false);
  });

  test("a list of files that cannot be had says so, and is asked for again", async () => {
    const page = await stage.chromium.join(stage.server.url, "Alice", "files");
    await page.getByText("Nothing to download").waitFor();
    await Bun.write(`${stage.server.filesFolder}/talk notes.txt`, "1234567");
    await page.route("**/files/", (route) => route.fulfill({ status: 503, body: "" }));
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await page.getByText("The files could not be listed.").waitFor();
    await page.unroute("**/files/");
    await page.locator("#files-hint").getByRole("button", { name: "Try again" }).click();
    const link = page.locator("#files-list a");
    await link.filter({ hasText: "talk notes.txt" }).waitFor();
    expect(await link.textContent()).toBe("talk notes.txt7 bytes");
    const target = await link.evaluate((anchor: HTMLAnchorElement) => anchor.href);
    expect(await (await fetch(target)).text()).toBe("1234567");
  });
});

/** Reconnects the page through a stand-in that refuses its next message as a server would. */
async function refuseOnce(page: Page, refusal: object): Promise<void> {
  let isRefusing = true;
  await page.routeWebSocket(/\/ws$/, (socket) => {
    const upstream = socket.connectToServer();
    socket.onMessage((text) => {
      const frame: { type: string; ref?: string } = JSON.parse(String(text));
      if (frame.type !== "message" || !isRefusing) return upstream.send(text);
      isRefusing = false;
      socket.send(JSON.stringify({ type: "error", ref: frame.ref, ...refusal }));
    });
  });
  await page.reload();
  await page.locator("#subtitle").filter({ hasText: "person" }).waitFor();
}
