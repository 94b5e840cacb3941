import { afterAll, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { Elysia } from "elysia";
import { loadCertificate } from "../../src/http/certificate.ts";
import { CertificateWatch } from "../../src/http/certificate-watch.ts";
import { type Certificate, listen } from "../../src/http/listen.ts";
import { loadSelfSigned } from "../../src/http/self-signed.ts";
import { eventually } from "../support/poll.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const folder = createTemporaryFolder();
let count = 0;

afterAll(() => folder[Symbol.dispose]());

function createPair() {
  count += 1;
  return loadSelfSigned(join(folder.path, `pair-${count}`), "localhost", Date.now());
}

/** Watches two files; notes what was taken and what was logged. */
async function watch(everyMs: number) {
  const first = await createPair();
  const tlsCert = join(folder.path, `cert-${count}.pem`);
  const tlsKey = join(folder.path, `key-${count}.pem`);
  const write = ({ cert, key }: { cert: string; key: string }) => {
    writeFileSync(tlsCert, cert);
    writeFileSync(tlsKey, key);
  };
  write(first);
  const rest = { tlsSelfSigned: false, tlsClientCa: null, data: folder.path, host: "127.0.0.1" };
  const config = { tlsCert, tlsKey, ...rest };
  const certificate = await loadCertificate(config);
  if (certificate === null) throw new Error("no certificate");
  const taken: string[] = [];
  const lines: string[] = [];
  const note = (_: object, text: string) => void lines.push(text);
  const watch = new CertificateWatch({
    config,
    certificate,
    listening: { renew: ({ cert }: Certificate) => void taken.push(cert) },
    log: { info: note, error: note },
    everyMs,
  });
  return { watch, write, taken, lines, tlsCert, first };
}

describe("asked to reload", () => {
  test("it takes what is new, once, and says what it did", async () => {
    const { watch: watched, write, taken, lines } = await watch(60_000);
    await watched.reload();
    const next = await createPair();
    write(next);
    await Promise.all([watched.reload(), watched.reload()]);
    watched.close();
    watched.close();
    expect(taken).toEqual([next.cert]);
    expect(lines).toEqual([
      "The certificate is the one in use.",
      "A new certificate is in use; connections that are open stay open.",
      "The certificate is the one in use.",
    ]);
  });

  test("it keeps the one in use when a file is no good, and names it without its content", async () => {
    const { watch: watched, taken, lines, tlsCert } = await watch(60_000);
    const other = await createPair();
    for (const text of [other.cert, "nonsense", "", other.key]) {
      writeFileSync(tlsCert, text);
      await watched.reload();
    }
    watched.close();
    expect(taken).toEqual([]);
    expect(lines).toHaveLength(4);
    for (const line of lines) {
      expect(line).toStartWith("The certificate in use was not replaced. The ");
      expect(line).toContain(`${tlsCert} (tls-cert)`);
      expect(line).not.toContain("PRIVATE KEY");
    }
  });
});

test("files that change are read by themselves, once they stay as they are", async () => {
  const { watch: watched, write, taken, lines, tlsCert, first } = await watch(20);
  const next = await createPair();
  writeFileSync(tlsCert, next.cert);
  await eventually("a complaint", () => lines.length === 1);
  expect(lines[0]).toContain("does not belong");
  write(next);
  await eventually("the new one", () => taken.length === 1);
  write(first);
  await eventually("the first again", () => taken.length === 2);
  watched.close();
  expect(taken).toEqual([next.cert, first.cert]);
});

describe("a listener", () => {
  const shown = (port: number) => {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const options = { port, host: "127.0.0.1", rejectUnauthorized: false };
    const socket = connect(options, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    return promise;
  };
  const options = {
    host: "127.0.0.1",
    port: 0,
    idleTimeoutMs: 30_000,
    tlsMinVersion: "1.2",
  } as const;
  const complete = async () => ({ ...(await createPair()), clientCa: null });
  const fingerprintOf = ({ cert }: Certificate) => new X509Certificate(cert).fingerprint256;

  test("shows the certificate it got last, and none once it was stopped", async () => {
    const [first, second] = [await complete(), await complete()];
    const exits = process.listenerCount("beforeExit");
    const app = new Elysia().get("/", () => "ok");
    const listening = listen(app, { ...options, http3: false }, first);
    expect(await shown(listening.port)).toBe(fingerprintOf(first));
    listening.renew(second);
    expect(await shown(listening.port)).toBe(fingerprintOf(second));
    await listening.server.stop(true);
    listening.renew(first);
    const init = { tls: { rejectUnauthorized: false } };
    expect(fetch(listening.url, init)).rejects.toThrow();
    expect(process.listenerCount("beforeExit")).toBe(exits);
  });

  test("keeps the one in use when Bun does not take the other", async () => {
    const [first, second] = [await complete(), await complete()];
    const app = new Elysia().get("/", () => "ok");
    const listening = listen(app, { ...options, http3: false }, first);
    expect(() => listening.renew({ ...second, key: "nonsense" })).toThrow();
    expect(await shown(listening.port)).toBe(fingerprintOf(first));
    await listening.server.stop(true);
  });

  test("needs a restart with HTTP/3, and says so", async () => {
    const [first, second] = [await complete(), await complete()];
    const app = new Elysia().get("/", () => "ok");
    const listening = listen(app, { ...options, http3: true }, first);
    expect(() => listening.renew(second)).toThrow("at the next start only");
    expect(await shown(listening.port)).toBe(fingerprintOf(first));
    await listening.server.stop(true);
  });
});
