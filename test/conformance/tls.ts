/** `testssl.sh`: protocols, ciphers, forward secrecy, the certificate, and the known attacks. */

import { join } from "node:path";
import { startTlsSubject } from "./subject.ts";
import type { Suite } from "./suite.ts";
import { runTool } from "./toolbox.ts";

/** Protocols, ciphers by strength, forward secrecy, preferences, defaults, headers, vulnerabilities. */
const parts = ["-p", "-s", "-f", "-P", "-S", "-h", "-U"];
const fine: ReadonlySet<string> = new Set(["OK", "INFO"]);

/** It gives a server 5 s and 10 s, in which a busy machine may not answer. */
const patience = { HEADER_MAXSLEEP: "60", MAX_WAITSOCK: "60" };

interface Finding {
  readonly id: string;
  readonly severity: string;
  readonly finding: string;
}

export const tls: Suite = {
  name: "testssl",
  needs: ["testssl", "openssl"],
  known: {
    cert_revocation: "The certificate of the test names no place where it could be revoked.",
    engine_problem: "It is about Debian's own openssl.",
    HSTS: "`hsts` is off by default, and never sent on loopback.",
  },
  async run() {
    using subject = await startTlsSubject();
    const report = join(subject.folder, "tls.json");
    const quiet = ["--quiet", "--color", "0", "--warnings", "off", "--nodns", "none"];
    const trust = ["--add-ca", subject.authority];
    const target = `127.0.0.1:${subject.port}`;
    // Its exit code counts what it found; a run that broke off leaves no whole JSON.
    const codes = Array.from({ length: 200 }, (_, code) => code);
    const words = ["testssl", ...quiet, ...trust, "--jsonfile", report, ...parts, target];
    await runTool(words, subject.folder, patience, codes);
    const findings: Finding[] = await Bun.file(report).json();
    return findings.map(({ id, severity, finding }) => {
      return { name: id, failure: fine.has(severity) ? null : `${severity}: ${finding}` };
    });
  },
};
