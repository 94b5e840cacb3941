import { afterAll, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ConnectionOptions, connect } from "node:tls";
import { buildWebApp } from "../../public/build.ts";
import { loadSelfSigned } from "../../src/http/self-signed.ts";
import { eventually } from "../support/poll.ts";
import { fromSource, type RunningProgram, startProgram } from "../support/program.ts";
import { findSystemProgram } from "../support/system-program.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

await buildWebApp(join(import.meta.dir, "..", "..", "dist", "web"));

const folder = createTemporaryFolder();
const running: RunningProgram[] = [];
const openssl = findSystemProgram("openssl");
let count = 0;

afterAll(async () => {
  await Promise.all(running.map((program) => program.end("SIGTERM")));
  folder[Symbol.dispose]();
});

interface Pair {
  readonly cert: string;
  readonly key: string;
}

async function createPair(): Promise<Pair> {
  count += 1;
  return loadSelfSigned(join(folder.path, `pair-${count}`), "localhost", Date.now());
}

/** Starts a server with a certificate in files, which `write` replaces as a renewal would. */
async function start(pair: Pair, ...flags: string[]) {
  count += 1;
  const place = join(folder.path, `server-${count}`);
  mkdirSync(place);
  const certPath = join(place, "cert.pem");
  const keyPath = join(place, "key.pem");
  const write = (next: Pair) => {
    for (const [path, text] of [
      [keyPath, next.key],
      [certPath, next.cert],
    ] as const) {
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
    }
  };
  write(pair);
  const tls = ["--tls-cert", certPath, "--tls-key", keyPath];
  const data = ["--port", "0", "--data", place, "--log-format", "json"];
  const program = await startProgram([...fromSource, ...data, ...tls, ...flags], place);
  running.push(program);
  return { program, url: program.url, port: Number(new URL(program.url).port), write };
}

/** Shakes hands; returns the fingerprint of what was shown and the version, or the error's code. */
function shake(port: number, options: ConnectionOptions = {}): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect(
    { port, host: "127.0.0.1", servername: "localhost", rejectUnauthorized: false, ...options },
    () => {
      const { fingerprint256 } = socket.getPeerCertificate();
      resolve(`${fingerprint256} ${socket.getProtocol()}`);
      socket.destroy();
    },
  );
  socket.on("error", (error: Error & { code?: string }) => resolve(error.code ?? "failed"));
  return promise;
}

const fingerprintOf = ({ cert }: Pair) => new X509Certificate(cert).fingerprint256;

/** The DOM's types, which the web app needs, do not know Bun's options. */
const BunSocket = WebSocket as unknown as new (
  url: string,
  options: Bun.WebSocketOptions,
) => WebSocket;
const insecure = { tls: { rejectUnauthorized: false } };

/** Joins a room, and keeps what arrives. */
async function enter(url: string) {
  const frames: string[] = [];
  const socket = new BunSocket(`${url.replace("http", "ws")}/ws`, insecure);
  const state = { frames, socket, isOpen: true };
  socket.onmessage = ({ data }) => void frames.push(String(data));
  socket.onclose = () => {
    state.isOpen = false;
  };
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.onopen = () => resolve();
  await promise;
  socket.send(JSON.stringify({ type: "join", room: "general" }));
  await eventually("joined", () => frames.some((frame) => frame.includes('"joined"')));
  return state;
}

const publish = (url: string, text: string) =>
  fetch(`${url}/rooms/general/messages`, { method: "POST", body: text, ...insecure });

describe("a renewed certificate", () => {
  test("is shown after a signal, and nobody is cut", async () => {
    const [before, after] = [await createPair(), await createPair()];
    const { program, url, port, write } = await start(before);
    expect(await shake(port)).toStartWith(fingerprintOf(before));
    const early = await enter(url);
    const stream = await fetch(`${url}/rooms/general/events`, insecure);
    let followed = "";
    const following = (async () => {
      for await (const bytes of stream.body ?? []) followed += Buffer.from(bytes).toString();
    })().catch(() => {}); // ended by the server's end

    write(after);
    program.process.kill("SIGHUP");
    await eventually("the new one", async () =>
      (await shake(port)).startsWith(fingerprintOf(after)),
    );

    const late = await enter(url);
    expect((await publish(url, "to all")).status).toBe(201);
    for (const { frames } of [early, late]) {
      await eventually("a message", () => frames.some((frame) => frame.includes("to all")));
    }
    await eventually("an event", () => followed.includes("to all"));
    early.socket.send(JSON.stringify({ type: "message", room: "general", content: "from early" }));
    await eventually("its message", () =>
      late.frames.some((frame) => frame.includes("from early")),
    );
    expect(early.isOpen).toBe(true);
    early.socket.close();
    late.socket.close();
    const { code, err } = await program.end("SIGTERM");
    expect(code).toBe(0);
    expect(err).toContain("A new certificate is in use");
    await following;
  });

  test("may come many times: the oldest connections are closed then, and no others", async () => {
    const pairs = await Promise.all(Array.from({ length: 6 }, createPair));
    const [first = await createPair(), ...others] = pairs;
    const { program, url, port, write } = await start(first);
    const members = [await enter(url)];
    for (const pair of others) {
      write(pair);
      program.process.kill("SIGHUP");
      await eventually("another", async () => (await shake(port)).startsWith(fingerprintOf(pair)));
      members.push(await enter(url));
    }
    await eventually("the oldest leaving", () => members[0]?.isOpen === false);
    expect((await publish(url, "x")).status).toBe(201);
    for (const { frames, isOpen, socket } of members.slice(1)) {
      await eventually("a message", () => frames.some((frame) => frame.includes('"message"')));
      expect(isOpen).toBe(true);
      socket.close();
    }
  });
});

describe("the oldest version of TLS", () => {
  test.each([
    ["1.2", "TLSv1.2", true],
    ["1.2", "TLSv1.3", true],
    ["1.3", "TLSv1.2", false],
    ["1.3", "TLSv1.3", true],
  ] as const)("is %s, when a client has %s", async (least, version, isSpoken) => {
    const pair = await createPair();
    const { port } = await start(pair, "--tls-min-version", least);
    const outcome = await shake(port, { minVersion: version, maxVersion: version });
    if (isSpoken) expect(outcome).toBe(`${fingerprintOf(pair)} ${version}`);
    else expect(outcome).toContain("PROTOCOL_VERSION");
  });
});

test("what TLS 1.2 hides is authenticated and stays hidden when the key is lost", async () => {
  const { port } = await start(await createPair());
  const offer = (ciphers: string) => shake(port, { maxVersion: "TLSv1.2", ciphers });
  expect(await offer("ECDHE-ECDSA-CHACHA20-POLY1305")).toEndWith(" TLSv1.2");
  // CBC, and the key itself as the carrier of secrets.
  expect(await offer("ECDHE-ECDSA-AES128-SHA")).toContain("HANDSHAKE_FAILURE");
  expect(await offer("AES128-GCM-SHA256")).toContain("HANDSHAKE_FAILURE");
});

describe.skipIf(openssl === null)("a client certificate", () => {
  const file = (name: string) => join(folder.path, name);

  function run(...words: string[]): void {
    const { exitCode, stderr } = Bun.spawnSync([openssl ?? "", ...words], { cwd: folder.path });
    if (exitCode !== 0) throw new Error(stderr.toString());
  }

  function createClient(authority: string): Pair {
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    run("req", "-x509", ...curve, "-keyout", "ca.key", "-out", authority, "-subj", "/CN=ca");
    run("req", ...curve, "-keyout", "c.key", "-out", "c.csr", "-subj", "/CN=alice");
    const signed = ["-CA", authority, "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
    run("x509", "-req", "-in", "c.csr", ...signed, "-out", "c.crt");
    return { cert: readFileSync(file("c.crt"), "utf8"), key: readFileSync(file("c.key"), "utf8") };
  }

  test("is needed, from the authority that is named, by every protocol", async () => {
    const good = createClient("ca.crt");
    const foreign = createClient("other.crt");
    const flags = ["--tls-client-ca", file("ca.crt"), "--http3"];
    const { url } = await start(await createPair(), ...flags);
    const ask = async (protocol: "http1.1" | "http2" | "http3", pair?: Pair) => {
      const tls = { rejectUnauthorized: false, ...pair };
      const init = { protocol, tls, signal: AbortSignal.timeout(10_000) };
      try {
        return (await fetch(`${url}/livez`, init as RequestInit)).status;
      } catch {
        return "refused";
      }
    };
    for (const protocol of ["http1.1", "http2"] as const) {
      expect([protocol, await ask(protocol, good)]).toEqual([protocol, 200]);
      expect([protocol, await ask(protocol, foreign)]).toEqual([protocol, "refused"]);
      expect([protocol, await ask(protocol)]).toEqual([protocol, "refused"]);
    }
    expect(await ask("http3")).toBe("refused");
  });

  test("is asked of another authority after a renewal", async () => {
    const early = createClient("first.crt");
    const late = createClient("second.crt");
    copyFileSync(file("first.crt"), file("now.crt"));
    const { program, url } = await start(await createPair(), "--tls-client-ca", file("now.crt"));
    const isLetIn = async (pair: Pair) => {
      const tls = { rejectUnauthorized: false, ...pair };
      try {
        return (await fetch(`${url}/livez`, { tls, keepalive: false } as RequestInit)).ok;
      } catch {
        return false;
      }
    };
    expect(await isLetIn(early)).toBe(true);
    expect(await isLetIn(late)).toBe(false);
    copyFileSync(file("second.crt"), file("now.crt"));
    program.process.kill("SIGHUP");
    await eventually("the other authority", () => isLetIn(late));
    expect(await isLetIn(early)).toBe(false);
  });
});

describe("HSTS", () => {
  test("is on every answer, beyond loopback and over TLS", async () => {
    const { port } = await start(
      await createPair(),
      ...["--hsts", "365d", "--host", "0.0.0.0", "--anonymous", "read"],
    );
    for (const path of ["/", "/docs/protocol", "/rooms", "/nothing"]) {
      const { headers } = await fetch(`https://127.0.0.1:${port}${path}`, insecure);
      expect([path, headers.get("strict-transport-security")]).toEqual([path, "max-age=31536000"]);
    }
  });

  test("is not sent for a name that every port of this machine shares", async () => {
    const { url } = await start(await createPair(), "--hsts", "365d");
    const { headers } = await fetch(`${url}/rooms`, insecure);
    expect(headers.get("strict-transport-security")).toBeNull();
  });
});
