/** The log in a file keeps the contract of every log. */

import { join } from "node:path";
import { openSqliteBroker } from "../../src/broker/sqlite.ts";
import type { StoreDurability } from "../../src/broker/store-life.ts";
import { describeBroker } from "../contract/broker.ts";
import type { OpenBroker } from "../contract/broker-scene.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

function opener(durability: StoreDurability, hasThread: boolean): OpenBroker {
  return async (options) => {
    const folder = createTemporaryFolder();
    const path = join(folder.path, "partyline.db");
    const open = () => openSqliteBroker({ ...options, path, durability, hasThread });
    let broker = await open();
    return {
      broker,
      async reopen() {
        await broker.close();
        broker = await open();
        return broker;
      },
      async close() {
        await broker.close();
        folder[Symbol.dispose]();
      },
    };
  };
}

describeBroker("the log in a file", opener("process", true), { gathers: true });
describeBroker("the log in a file, flushed at each commit", opener("power", false), {
  gathers: true,
});
