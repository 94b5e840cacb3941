/** One browser for all tests of a `describe` block, and one server unless each starts its own. */

import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout } from "bun:test";
import type { ConfigOverrides } from "../../src/config.ts";
import { Chromium, hasChromium, TestServer, testMsMax } from "./chromium.ts";

/** What a block's tests work with; there once the first of them runs. */
export class Stage {
  #chromium: Chromium | undefined;
  #server: TestServer | undefined;

  get chromium(): Chromium {
    if (this.#chromium === undefined) throw new Error("Chromium was not started.");
    return this.#chromium;
  }

  get server(): TestServer {
    if (this.#server === undefined) throw new Error("These tests start servers of their own.");
    return this.#server;
  }

  async open(overrides: ConfigOverrides | null): Promise<void> {
    this.#chromium = await Chromium.launch();
    if (overrides !== null) this.#server = await TestServer.start(overrides);
  }

  async close(): Promise<void> {
    await this.#chromium?.close();
    await this.#server?.[Symbol.asyncDispose]();
  }
}

/**
 * Describes tests in a browser. After each of them its pages are closed, and whatever they complained
 * of fails it, save what `expected` matches. `overrides` is null where no server is needed.
 */
export function describeInChromium(
  title: string,
  define: (stage: Stage) => void,
  { overrides = {}, expected }: { overrides?: ConfigOverrides | null; expected?: RegExp } = {},
): void {
  setDefaultTimeout(testMsMax);
  describe.skipIf(!hasChromium)(title, () => {
    const stage = new Stage();
    beforeAll(() => stage.open(overrides));
    afterEach(async () => {
      await stage.chromium.clear();
      const complaints = stage.chromium.complaints();
      expect(complaints.filter((text) => expected?.test(text) !== true)).toEqual([]);
    });
    afterAll(() => stage.close());
    define(stage);
  });
}
