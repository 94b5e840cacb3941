/** WebSocket clients of other languages: Python's `websockets`, and Go's `gorilla` and `coder`. */

import { resolve } from "node:path";
import { startSubject } from "./subject.ts";
import { readChecks, type Suite } from "./suite.ts";
import { runTool } from "./toolbox.ts";

export const websocketClients: Suite = {
  name: "websocket-clients",
  needs: ["go", "python"],
  known: {},
  async run(toolbox) {
    using subject = await startSubject();
    const base = subject.url.replace("http", "ws");
    const script = resolve(import.meta.dir, "websocket-client.py");
    const python = await runTool([toolbox.python("python"), script, base]);
    const go = await runTool([toolbox.go("clients"), base]);
    return [...readChecks(python), ...readChecks(go)];
  },
};
