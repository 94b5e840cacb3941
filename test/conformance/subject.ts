/** The server that is tested: Partyline as a process of its own, from source, or composed with deflate. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromSource, type RunningProgram, startProgram } from "../support/program.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { runTool } from "./toolbox.ts";

/** Suites send as fast as they can, from one address. */
const roomy = [
  ...["--port", "0", "--durability", "memory", "--log-level", "silent"],
  ...[
    "--messages-per-second",
    "0",
    "--publishes-per-second",
    "0",
    "--connections-per-address",
    "0",
  ],
];

/** A server that ends with its `using` block. */
export interface Subject extends Disposable {
  readonly url: string;
  readonly port: number;
  /** For files of the suite; removed at the end. */
  readonly folder: string;
  /** The authority to trust, where it speaks TLS. */
  readonly authority: string;
}

/** Starts Partyline with more flags. */
export function startSubject(...flags: readonly string[]): Promise<Subject> {
  return start(fromSource, flags);
}

/** Starts a Partyline that compresses WebSocket messages, which no flag turns on. */
export function startDeflateSubject(...flags: readonly string[]): Promise<Subject> {
  const path = fileURLToPath(new URL("./deflate-server.ts", import.meta.url));
  return start([process.execPath, path], flags);
}

/** Starts Partyline with TLS, and a certificate for 127.0.0.1 by an authority of its own. */
export async function startTlsSubject(...flags: readonly string[]): Promise<Subject> {
  const folder = createTemporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const openssl = (words: string) => runTool(["openssl", ...words.split(" ")], folder.path);
  const newKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
  const authority = "-subj /CN=authority -days 90 -addext keyUsage=critical,keyCertSign";
  await openssl(`req -x509 ${newKey} ${authority} -keyout ca.key -out ca.pem`);
  await openssl(`req ${newKey} -subj /CN=localhost -keyout key.pem -out request.pem`);
  const names = "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n";
  await Bun.write(at("extensions"), names);
  const signed = "-CA ca.pem -CAkey ca.key -CAcreateserial -days 90 -extfile extensions";
  await openssl(`x509 -req -in request.pem ${signed} -out cert.pem`);
  const tls = ["--tls-cert", at("cert.pem"), "--tls-key", at("key.pem")];
  const subject = await start(fromSource, [...tls, ...flags], folder);
  return { ...subject, authority: at("ca.pem") };
}

async function start(
  command: readonly string[],
  flags: readonly string[],
  folder = createTemporaryFolder(),
): Promise<Subject> {
  mkdirSync(join(folder.path, "data", "files"), { recursive: true });
  const given = [...roomy, "--data", join(folder.path, "data"), ...flags];
  const program: RunningProgram = await startProgram([...command, ...given], folder.path);
  return {
    url: program.url,
    port: Number(new URL(program.url).port),
    folder: folder.path,
    authority: "",
    [Symbol.dispose]() {
      program[Symbol.dispose]();
      folder[Symbol.dispose]();
    },
  };
}
