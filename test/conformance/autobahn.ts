/** The Autobahn cases for WebSocket (RFC 6455 and 7692), by the runner `kosoku`, which is made patient. */

import { join, resolve } from "node:path";
import { findFreePort } from "../support/free-port.ts";
import { eventually } from "../support/poll.ts";
import { type Subject, startDeflateSubject, startSubject, startTlsSubject } from "./subject.ts";
import type { Check, Suite } from "./suite.ts";
import { runTool, type Toolbox } from "./toolbox.ts";

/** Cases 9.* send 16 MiB at a time. */
const forBigFrames = ["--frame-bytes-max", "17MiB", "--queue-bytes-max", "64MiB"];
const withoutDeflate = ["-x", "12.*", "-x", "13.*"];
const onlyDeflate = ["-i", "12.*", "-i", "13.*"];
/** "Non-strict" and "informational" are verdicts about what the standard leaves open. */
const fine: ReadonlySet<string> = new Set(["OK", "NON-STRICT", "INFORMATIONAL"]);

const noSmallWindow =
  "Bun 1.4.5 declines an offer of `server_max_window_bits=9` and goes on uncompressed, as RFC 7692 allows.";

export const autobahn: Suite = {
  name: "autobahn",
  needs: ["python"],
  known: {},
  async run(toolbox) {
    using subject = await startSubject(...forBigFrames);
    return await fuzz(toolbox, subject, subject.port, withoutDeflate);
  },
};

/** The runner speaks no TLS, so `socat` does it in its place. */
export const autobahnTls: Suite = {
  name: "autobahn-tls",
  needs: ["python", "socat", "openssl"],
  known: {},
  async run(toolbox) {
    using subject = await startTlsSubject(...forBigFrames);
    const port = findFreePort();
    const socat = Bun.spawn(
      [
        "socat",
        `TCP-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr`,
        `OPENSSL:127.0.0.1:${subject.port},cafile=${subject.authority}`,
      ],
      { stdio: ["ignore", "ignore", "ignore"] },
    );
    try {
      await eventually("socat listens", () => mayConnect(port));
      return await fuzz(toolbox, subject, port, withoutDeflate);
    } finally {
      socat.kill();
    }
  },
};

export const autobahnDeflate: Suite = {
  name: "autobahn-deflate",
  needs: ["python"],
  isLong: true,
  known: { "13.3.*": noSmallWindow, "13.5.*": noSmallWindow },
  async run(toolbox) {
    using subject = await startDeflateSubject();
    return await fuzz(toolbox, subject, subject.port, onlyDeflate);
  },
};

async function fuzz(
  toolbox: Toolbox,
  { folder }: Subject,
  port: number,
  selection: readonly string[],
): Promise<Check[]> {
  const reports = join(folder, "reports");
  const target = `127.0.0.1:${port}/ws/echo`;
  const words = ["-m", "fuzzingclient", target, "-p", "2", ...selection, "-o", reports];
  const runner = resolve(import.meta.dir, "autobahn.py");
  await runTool([toolbox.python("python"), runner, ...words], folder, {}, [0, 1]);
  const checks: Check[] = [];
  for await (const name of new Bun.Glob("*_case_*.json").scan(reports)) {
    const { id, behavior, behaviorClose, result } = await Bun.file(join(reports, name)).json();
    const isFine = fine.has(behavior) && fine.has(behaviorClose);
    checks.push({ name: id, failure: isFine ? null : `${behavior}, ${behaviorClose}: ${result}` });
  }
  return checks;
}

async function mayConnect(port: number): Promise<boolean> {
  const handlers = { data() {}, error() {} };
  const connected = Bun.connect({ hostname: "127.0.0.1", port, socket: handlers });
  return connected.then(
    (socket) => {
      socket.end();
      return true;
    },
    () => false,
  );
}
