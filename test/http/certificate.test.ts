import { afterAll, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadCertificate } from "../../src/http/certificate.ts";
import { loadSelfSigned } from "../../src/http/self-signed.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const dayMs = 86_400_000;
const now = Date.now();
const folder = createTemporaryFolder();
let count = 0;

afterAll(() => folder[Symbol.dispose]());

function enterFolder(): string {
  count += 1;
  return join(folder.path, `${count}`);
}

/** Makes a pair of files whose certificate is valid around `time`. */
async function writePair(time: number) {
  const place = enterFolder();
  await loadSelfSigned(place, "localhost", time);
  return { tlsCert: join(place, "self-signed.crt"), tlsKey: join(place, "self-signed.key") };
}

function load(
  tlsCert: string | null,
  tlsKey: string | null,
  tlsSelfSigned = false,
  tlsClientCa: string | null = null,
) {
  const data = join(folder.path, "data");
  const host = "127.0.0.1";
  return loadCertificate({ tlsCert, tlsKey, tlsSelfSigned, tlsClientCa, data, host });
}

describe("a certificate from files", () => {
  test("is loaded when it is valid and the key belongs to it", async () => {
    const { tlsCert, tlsKey } = await writePair(now);
    const loaded = await load(tlsCert, tlsKey);
    expect(loaded?.cert).toBe(readFileSync(tlsCert, "utf8"));
    expect(loaded?.key).toBe(readFileSync(tlsKey, "utf8"));
    expect(loaded?.fingerprint).toBeNull();
  });

  test("is not loaded when TLS is off", async () => {
    expect(await load(null, null)).toBeNull();
  });

  test("is refused, with the key, the path and the reason, when something is wrong", async () => {
    const good = await writePair(now);
    const other = await writePair(now);
    const old = await writePair(now - 400 * dayMs);
    const early = await writePair(now + 2 * dayMs);
    const missing = join(folder.path, "missing.pem");
    const text = join(folder.path, "text.pem");
    writeFileSync(text, "hello");
    const { tlsCert, tlsKey } = good;
    const start = { name: "StartError" };
    for (const [cert, key, message] of [
      [missing, tlsKey, `The file ${missing} (tls-cert) does not exist; give the path of a PEM`],
      [tlsCert, missing, `The file ${missing} (tls-key) does not exist; give the path of a PEM`],
      [folder.path, tlsKey, `The file ${folder.path} (tls-cert) cannot be read (EISDIR)`],
      [text, tlsKey, `The file ${text} (tls-cert) does not hold a PEM certificate.`],
      [tlsKey, tlsKey, `The file ${tlsKey} (tls-cert) does not hold a PEM certificate.`],
      [tlsCert, text, `The file ${text} (tls-key) does not hold a PEM private key`],
      [tlsCert, other.tlsKey, `${other.tlsKey} (tls-key) does not belong to the certificate`],
      [old.tlsCert, old.tlsKey, `The certificate ${old.tlsCert} (tls-cert) expired on 20`],
      [early.tlsCert, early.tlsKey, `${early.tlsCert} (tls-cert) is valid only from 20`],
    ] as const) {
      expect(load(cert, key)).rejects.toMatchObject({
        ...start,
        message: expect.stringContaining(message),
      });
    }
  });
});

describe("the authorities of client certificates", () => {
  test("are loaded beside either kind of certificate, and not without TLS", async () => {
    const { tlsCert, tlsKey } = await writePair(now);
    const text = readFileSync(tlsCert, "utf8");
    expect((await load(tlsCert, tlsKey, false, tlsCert))?.clientCa).toBe(text);
    expect((await load(null, null, true, tlsCert))?.clientCa).toBe(text);
    expect((await load(tlsCert, tlsKey))?.clientCa).toBeNull();
  });

  test("are refused, with the key and the path, when one of them is broken", async () => {
    const { tlsCert, tlsKey } = await writePair(now);
    const good = readFileSync(tlsCert, "utf8");
    const path = join(folder.path, "authorities.pem");
    const broken = good.replace(/[A-Za-z0-9]{20}/, "A".repeat(20));
    for (const text of ["", "hello", good + broken, readFileSync(tlsKey, "utf8")]) {
      writeFileSync(path, text);
      await expect(load(tlsCert, tlsKey, false, path)).rejects.toMatchObject({
        name: "StartError",
        message: `The file ${path} (tls-client-ca) does not hold PEM certificates of authorities.`,
      });
    }
  });
});

describe("a self-signed certificate", () => {
  test("names this machine and the host, for servers only, and verifies itself", async () => {
    for (const host of ["example.test", "192.0.2.7", "2001:db8::1:0:0:2", "::", "fe80::1%eth0"]) {
      const { cert, fingerprint } = await loadSelfSigned(enterFolder(), host, now);
      const certificate = new X509Certificate(cert);
      expect(certificate.verify(certificate.publicKey)).toBe(true);
      expect(certificate.ca).toBe(false);
      expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
      expect(certificate.checkHost("localhost")).toBe("localhost");
      expect(certificate.checkIP("127.0.0.1")).toBe("127.0.0.1");
      expect(certificate.checkIP("::1")).toBe("::1");
      if (host === "example.test") expect(certificate.checkHost(host)).toBe(host);
      else if (host !== "::") expect(certificate.checkIP(host.replace(/%.*/, ""))).toBeString();
      expect(certificate.checkHost("example.org")).toBeUndefined();
      expect(fingerprint).toBe(certificate.fingerprint256);
      expect(fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    }
  });

  test("is kept until it is about to expire", async () => {
    const place = enterFolder();
    const { fingerprint } = await loadSelfSigned(place, "localhost", now);
    expect((await loadSelfSigned(place, "localhost", now + 300 * dayMs)).fingerprint).toBe(
      fingerprint,
    );
    const renewed = await loadSelfSigned(place, "localhost", now + 360 * dayMs);
    expect(renewed.fingerprint).not.toBe(fingerprint);
    expect(readFileSync(join(place, "self-signed.crt"), "utf8")).toBe(renewed.cert);
  });

  test("is made anew for another host, a lost or foreign key, and damaged files", async () => {
    const place = enterFolder();
    const seen = new Set([(await loadSelfSigned(place, "localhost", now)).fingerprint]);
    seen.add((await loadSelfSigned(place, "example.test", now)).fingerprint);
    writeFileSync(join(place, "self-signed.crt"), "damaged");
    seen.add((await loadSelfSigned(place, "localhost", now)).fingerprint);
    const { key } = await loadSelfSigned(enterFolder(), "localhost", now);
    writeFileSync(join(place, "self-signed.key"), key);
    seen.add((await loadSelfSigned(place, "localhost", now)).fingerprint);
    expect(seen.size).toBe(4);
  });

  test("stays valid past the year 2050", async () => {
    const time = Date.UTC(2050, 5, 1);
    const { cert } = await loadSelfSigned(enterFolder(), "localhost", time);
    expect(new X509Certificate(cert).validToDate.getTime()).toBe(time + 365 * dayMs);
    const early = await loadSelfSigned(enterFolder(), "localhost", Date.UTC(2049, 5, 1));
    expect(new X509Certificate(early.cert).validToDate.getUTCFullYear()).toBe(2050);
  });

  test.skipIf(process.platform === "win32")("keeps its key to this user", async () => {
    const place = enterFolder();
    await loadSelfSigned(place, "localhost", now);
    expect(statSync(join(place, "self-signed.key")).mode & 0o777).toBe(0o600);
    expect(readdirSync(place).sort()).toEqual(["self-signed.crt", "self-signed.key"]);
  });

  test("says so when its folder cannot be written", async () => {
    const place = join(folder.path, "a-file");
    writeFileSync(place, "");
    expect(loadSelfSigned(place, "localhost", now)).rejects.toMatchObject({
      name: "StartError",
      message: expect.stringContaining(
        `The folder ${place} for the certificate of tls-self-signed`,
      ),
    });
  });
});
