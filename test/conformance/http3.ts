/** HTTP/3 by libcurl with ngtcp2, as `pycurl` brings it along: a page, SSE, ranges, publishing. */

import { randomBytes } from "node:crypto";
import { join, resolve } from "node:path";
import { startTlsSubject } from "./subject.ts";
import { readChecks, type Suite } from "./suite.ts";
import { runTool } from "./toolbox.ts";

const fileBytes = 5 * 1_048_576;

export const http3: Suite = {
  name: "http3",
  needs: ["python", "openssl"],
  known: {},
  async run(toolbox) {
    using subject = await startTlsSubject("--http3");
    const file = join(subject.folder, "data", "files", "random.bin");
    await Bun.write(file, randomBytes(fileBytes));
    const script = resolve(import.meta.dir, "http3.py");
    const words = [script, subject.url, subject.authority, file];
    return readChecks(await runTool([toolbox.python("python"), ...words]));
  },
};
