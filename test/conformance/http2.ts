/** `h2spec`, strict: RFC 9113 and HPACK, over TLS and without. */

import { join } from "node:path";
import { type Subject, startSubject, startTlsSubject } from "./subject.ts";
import type { Check, Suite } from "./suite.ts";
import { runTool, type Toolbox } from "./toolbox.ts";

/**
 * The tests need a path whose answer is long, and which reads the body of a POST to its end: on a
 * short answer the server is done, rightly, before the client has made its mistake.
 */
const longPath = "/rooms/h2spec/messages?limit=100";
const messages = 100;
const messageBytes = 4_000;

export const http2: Suite = {
  name: "h2spec",
  needs: ["go", "openssl"],
  known: {},
  async run(toolbox) {
    using subject = await startTlsSubject();
    return await test(toolbox, subject, ["-t", "-k"]);
  },
};

export const http2Cleartext: Suite = {
  name: "h2spec-cleartext",
  needs: ["go"],
  known: {
    "http2/3.5/2":
      "One port speaks HTTP/1.1 and HTTP/2, so a preface that is neither is answered by HTTP/1.1's 400 before the connection is closed.",
  },
  async run(toolbox) {
    using subject = await startSubject();
    return await test(toolbox, subject, []);
  },
};

async function test(
  toolbox: Toolbox,
  subject: Subject,
  flags: readonly string[],
): Promise<Check[]> {
  await publishLong(subject);
  return await runOnce(toolbox, subject, flags);
}

async function publishLong({ url, authority }: Subject): Promise<void> {
  const tls = authority === "" ? {} : { tls: { ca: Bun.file(authority) } };
  for (let index = 0; index < messages; index += 1) {
    const body = "x".repeat(messageBytes);
    await fetch(`${url}/rooms/h2spec/messages`, { method: "POST", body, ...tls });
  }
}

async function runOnce(
  toolbox: Toolbox,
  { port, folder }: Subject,
  flags: readonly string[],
): Promise<Check[]> {
  const report = join(folder, "report.xml");
  const target = ["-h", "127.0.0.1", "-p", String(port), "-P", longPath, "-S"];
  // In place of 2 s, in which a busy machine may not answer.
  target.push("-o", "20");
  const words = [toolbox.go("h2spec"), ...target, "-j", report, ...flags];
  await runTool(words, folder, {}, [0, 1]);
  return readReport(await Bun.file(report).text());
}

/** Names each case by its section and its place there, as `http2/3.5/2`. */
function readReport(xml: string): Check[] {
  const places = new Map<string, number>();
  const shape = /<testcase package="([^"]+)" classname="([^"]*)"[^>]*>([\s\S]*?)<\/testcase>/g;
  return [...xml.matchAll(shape)].map(([, section = "", title = "", body = ""]) => {
    const place = (places.get(section) ?? 0) + 1;
    places.set(section, place);
    const [, why] = /<(?:failure|error|skipped)[^>]*>([\s\S]*?)<\//.exec(body) ?? [];
    const failure = why === undefined ? null : `${title}: ${why.replace(/\s+/g, " ").trim()}`;
    return { name: `${section}/${place}`, failure: isClosing(failure) ? null : failure };
  });
}

/**
 * Tells whether the connection was closed, as was asked for. h2spec writes on while the server closes,
 * and takes the reset that it may get in that moment for something else.
 */
function isClosing(failure: string | null): boolean {
  return failure !== null && /Connection closed.* connection reset by peer/.test(failure);
}
