/** A server that asks for tokens: given, refused, read only, renewed, brought along by a link. */

import { expect, test } from "bun:test";
import { SignJWT } from "jose";
import type { Page } from "playwright-core";
import { Secret } from "../../src/auth/secret.ts";
import { message, say, settled, TestServer, texts } from "./chromium.ts";
import { describeInChromium } from "./stage.ts";

const secret = new TextEncoder().encode("a secret of the tests, long enough for HS256");

describeInChromium(
  "a server with tokens",
  (stage) => {
    test("asks for a token, lets its user in by its name, and keeps it for this tab only", async () => {
      const page = await stage.chromium.visit(stage.server.url);
      await page.getByRole("heading", { name: "A token is needed" }).waitFor();
      expect(await page.locator("#banner").isVisible()).toBe(false);
      await give(page, await sign({ general: ["read", "write"], "$*": ["read"] }));
      await page.getByRole("heading", { name: "Join a room to begin" }).waitFor();
      expect(await page.getByLabel("Your name").isVisible()).toBe(false);
      expect(await page.locator("#me").textContent()).toBe("Alice Liddell");
      await page.getByLabel("Room", { exact: true }).fill("general");
      await page.getByRole("button", { name: "Join the room" }).click();
      await page.locator("#subtitle").filter({ hasText: "1 person" }).waitFor();
      await say(page, "hello");
      await page.locator("#messages .who").filter({ hasText: "Alice Liddell" }).waitFor();
      await page.locator("#live-charts .value").filter({ hasText: /\d/ }).first().waitFor();
      expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain("eyJ");
      expect(page.url()).not.toContain("eyJ");
      await page.reload();
      await message(page, "hello").waitFor();
      const other = await page.context().newPage();
      await other.goto(stage.server.url);
      await other.getByRole("heading", { name: "A token is needed" }).waitFor();
    });

    test("says in the server's words why a token is refused, and takes another", async () => {
      const page = await stage.chromium.visit(stage.server.url);
      await give(page, "not a token");
      await page.getByText("That is not a token").waitFor();
      await give(page, await sign({ general: ["read"] }, "1 hour", secret.toReversed()));
      const complaint = page.locator("#access").getByText("not signed by a key that this server");
      await complaint.waitFor();
      await page.waitForTimeout(400); // it is let in again without a token meanwhile
      expect(await complaint.isVisible()).toBe(true);
      expect(await page.evaluate(() => JSON.stringify(sessionStorage))).not.toContain("eyJ");
      await give(page, await sign({ general: ["read"] }, "2 minutes ago"));
      await page.locator("#access").getByText("The token expired").waitFor();
      await give(page, `Bearer ${await sign({ general: ["read"] })}`);
      await page.getByRole("heading", { name: "Join a room to begin" }).waitFor();
      await page.getByRole("button", { name: "Alice Liddell" }).click();
      await page.getByRole("button", { name: "Forget the token" }).click();
      await page.getByRole("heading", { name: "A token is needed" }).waitFor();
      expect(await page.evaluate(() => JSON.stringify(sessionStorage))).not.toContain("eyJ");
    });

    test("a token that only reads gets no field for writing once it tried", async () => {
      const page = await enter(
        stage.server,
        await sign({ reading: ["read", "presence"] }),
        "reading",
      );
      await page.locator("#text").pressSequentially("m");
      await page.getByText("Read only: what you may do here").waitFor();
      expect(await page.locator("#composer").isVisible()).toBe(false);
      expect(await page.locator("#live").isVisible()).toBe(false); // no grant for the $ rooms
    });

    test("a token that runs out is renewed in place, on the same connection", async () => {
      const grant = { general: ["read", "write"] };
      const page = await enter(stage.server, await sign(grant, "50 seconds"), "general");
      let reconnects = 0;
      page.on("websocket", () => {
        reconnects += 1;
      });
      await page.getByRole("heading", { name: "Your token runs out" }).waitFor();
      await page.getByText(/It holds for \d+ s more/).waitFor();
      await page.locator("#text").fill("half a sent");
      await give(page, (await sign(grant)).replace(/.$/, "~"));
      await page.getByText("That is not a token").waitFor();
      await give(page, await sign(grant));
      await page.locator("#access").waitFor({ state: "hidden" });
      expect(await page.locator("#text").inputValue()).toBe("half a sent");
      await say(page, "still here");
      await message(page, "still here").waitFor();
      expect(reconnects).toBe(0);
    });

    test("a token that ran out leaves the conversation there, and a new one goes on with it", async () => {
      const grant = { lasting: ["read", "write"] };
      const page = await enter(stage.server, await sign(grant, "50 seconds"), "lasting");
      await say(page, "before");
      await page.getByRole("heading", { name: "Your token runs out" }).waitFor();
      await give(page, await sign(grant, "4 seconds"));
      await page.locator("#access").getByText("The token ran out.").waitFor();
      await message(page, "before").waitFor();
      await say(page, "meanwhile");
      await page.getByText("Waiting to be sent").waitFor();
      await give(page, await sign(grant));
      await page.getByText("Waiting to be sent").waitFor({ state: "hidden" });
      expect(await texts(page)).toEqual(["before", "meanwhile"]);
    });

    test("a token in the fragment is taken over and stands in the address no longer", async () => {
      const token = await sign({ "*": ["read", "write"] });
      const page = await stage.chromium.visit(
        `${stage.server.url}#access_token=${token}&room=linked`,
      );
      await page.locator("#subtitle").filter({ hasText: "1 person" }).waitFor();
      expect(page.url()).toBe(`${stage.server.url}#linked`);
      await page.goBack();
      expect(page.url()).not.toContain("eyJ");
    });

    test("files are listed and downloaded by the token, which stands in no link", async () => {
      await Bun.write(`${stage.server.filesFolder}/notes.txt`, "1234567");
      const page = await enter(stage.server, await sign({ files: ["read"] }), "files");
      const link = page.locator("#files-list a");
      await link.filter({ hasText: "notes.txt" }).waitFor();
      expect(await link.getAttribute("href")).toBe("files/notes.txt");
      const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
      expect(download.suggestedFilename()).toBe("notes.txt");
      expect(await Bun.file(await download.path()).text()).toBe("1234567");
    });

    test("where everybody may read, a token is asked for only to write", async () => {
      await using open = await TestServer.start(withTokens("read"));
      const page = await stage.chromium.join(open.url, "Reader", "general");
      await page.locator("#text").pressSequentially("m");
      await page.getByText("Read only: writing here needs a token.").waitFor();
      await page.getByRole("button", { name: "Use a token" }).click();
      await give(page, await sign({ general: ["read", "write", "presence"] }));
      // What was begun is still in the field.
      await page.locator("#composer").waitFor();
      await page.locator("#text").press("Enter");
      await page.locator("#messages .who").filter({ hasText: "Alice Liddell" }).waitFor();
      const people = page.locator("#people-list .label");
      expect(
        await settled(
          () => people.allTextContents(),
          (names) => names[0] === "Alice Liddell",
        ),
      ).toEqual(["Alice Liddell"]);
    });

    async function enter({ url }: TestServer, token: string, room: string): Promise<Page> {
      const page = await stage.chromium.visit(`${url}#access_token=${token}&room=${room}`);
      await page.locator("#subtitle").filter({ hasText: "1 person" }).waitFor();
      return page;
    }
  },
  // Chromium says so of each request that is refused; that the page copes with it is tested.
  { overrides: withTokens("none"), expected: /status of 40[13]/ },
);

function withTokens(anonymous: string) {
  const key = { kind: "secret" as const, secret: new Secret(secret) };
  return { anonymous, issuers: [{ key, issuer: null, audience: null }] };
}

/** Makes a token of Alice's. `rooms` are its grants. */
function sign(
  rooms: Record<string, readonly string[]>,
  expires = "1 hour",
  key: Uint8Array = secret,
): Promise<string> {
  return new SignJWT({ name: "Alice Liddell", rooms })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject("alice")
    .setExpirationTime(expires)
    .sign(key);
}

/** Pastes a token into the page and hands it over. */
async function give(page: Page, token: string): Promise<void> {
  const field = page.getByRole("textbox", { name: "Token" });
  await field.fill(token);
  await field.press("Enter");
}
