/** A certificate that nobody vouches for, so that TLS can be tried at once. */

import "reflect-metadata"; // the certificate library's own injector stops without it
import { createPrivateKey, X509Certificate as NodeCertificate } from "node:crypto";
import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";
import { type Certificate, StartError } from "./listen.ts";

const dayMs = 86_400_000;
/** Apple's clients accept no certificate that is valid for longer than 825 days. */
const validMs = 365 * dayMs;
/** A certificate with less time left than this is made anew at start. */
const renewMs = 7 * dayMs;
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/**
 * Loads the certificate in `folder`, or makes one when there is none, when it is about to expire,
 * or when it does not name `host`. It names `localhost`, `127.0.0.1` and `::1` as well. The key is
 * readable for this user only, and both files are put in place whole or not at all.
 * @throws StartError when the folder cannot be written
 */
export async function loadSelfSigned(
  folder: string,
  host: string,
  now: number,
): Promise<Certificate> {
  const certPath = join(folder, "self-signed.crt");
  const keyPath = join(folder, "self-signed.key");
  const names = toNames(host);
  const kept = await readKept(certPath, keyPath);
  if (kept && isUsable(kept, names, now)) return withFingerprint(kept);
  const made = await create(names, now);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeWhole(keyPath, made.key, 0o600);
    await writeWhole(certPath, made.cert, 0o644);
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? ` (${thrown.code})` : "";
    throw new StartError(
      `The folder ${folder} for the certificate of tls-self-signed cannot be written${code}; ` +
        "give another data folder (data).",
    );
  }
  return withFingerprint(made);
}

interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** All names the certificate must bear. "Any address" is none. */
function toNames(host: string): string[] {
  const usual = ["localhost", "127.0.0.1", "::1"];
  const isNamed = host !== "0.0.0.0" && host !== "::" && !usual.includes(host);
  return isNamed ? [...usual, host] : usual;
}

async function readKept(certPath: string, keyPath: string): Promise<Pair | null> {
  try {
    return { cert: await readFile(certPath, "utf8"), key: await readFile(keyPath, "utf8") };
  } catch {
    return null; // made anew; if that is not possible either, writing says why
  }
}

function isUsable({ cert, key }: Pair, names: readonly string[], now: number): boolean {
  try {
    const certificate = new NodeCertificate(cert);
    if (!certificate.checkPrivateKey(createPrivateKey(key))) return false;
    if (certificate.validFromDate.getTime() > now) return false;
    if (certificate.validToDate.getTime() - now < renewMs) return false;
    return names.every((name) =>
      isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name),
    );
  } catch {
    return false; // damaged files are replaced
  }
}

async function create(names: readonly string[], now: number): Promise<Pair> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const serial = crypto.getRandomValues(new Uint8Array(16));
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40; // positive, and of full length (RFC 5280, 4.1.2.2)
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial.toHex(),
    name: "CN=Partyline (self-signed)",
    // A clock that runs a little behind must not see a certificate of the future.
    notBefore: new Date(now - dayMs),
    notAfter: new Date(now + validMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) ? ("ip" as const) : ("dns" as const), value })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    cert: `${certificate.toString("pem")}\n`,
    key: `${x509.PemConverter.encode(pkcs8, "PRIVATE KEY")}\n`,
  };
}

/** Written beside and renamed, so that nobody ever reads half a file or one open to all. */
async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const beside = `${path}.${process.pid}`;
  await writeFile(beside, text, { mode });
  await chmod(beside, mode); // an older file of that name would have kept its mode
  await rename(beside, path);
}

function withFingerprint(pair: Pair): Certificate {
  return { ...pair, fingerprint: new NodeCertificate(pair.cert).fingerprint256 };
}
