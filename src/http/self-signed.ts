/** A certificate that nobody vouches for, so that TLS can be tried at once. */

import {
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { isIP, isIPv4 } from "node:net";
import { join } from "node:path";
import {
  bitString,
  der,
  derTrue,
  generalizedTime,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  utcTime,
  utf8String,
} from "./der.ts";
import { type Certificate, StartError } from "./listen.ts";

/** What a server makes itself. */
type SelfSigned = Omit<Certificate, "clientCa">;

const dayMs = 86_400_000;
/** Well below the 825 days that Apple's clients accept. */
const validMs = 365 * dayMs;
/** A certificate with less time left than this is made anew at start. */
const renewMs = 7 * dayMs;

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
): Promise<SelfSigned> {
  const certPath = join(folder, "self-signed.crt");
  const keyPath = join(folder, "self-signed.key");
  const names = toNames(host);
  const kept = await readKept(certPath, keyPath);
  if (kept && isUsable(kept, names, now)) return withFingerprint(kept);
  const made = create(names, now);
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
  const name = host.replace(/%.*$/, ""); // the zone of an IPv6 address is this machine's own word
  const isNamed = name !== "0.0.0.0" && name !== "::" && !usual.includes(name);
  return isNamed ? [...usual, name] : usual;
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
    const certificate = new X509Certificate(cert);
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

/** An X.509 certificate, version 3, as RFC 5280 lays it out, for a new P-256 key. */
function create(names: readonly string[], now: number): Pair {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40; // positive, and of full length (4.1.2.2)
  const algorithm = sequence(objectIdentifier("1.2.840.10045.4.3.2")); // ECDSA with SHA-256
  const commonName = sequence(objectIdentifier("2.5.4.3"), utf8String("Partyline (self-signed)"));
  const name = sequence(der(0x31, commonName)); // issuer and subject are the same
  // A clock that runs a little behind must not see a certificate of the future.
  const validity = sequence(toTime(now - dayMs), toTime(now + validMs));
  const signed = sequence(
    der(0xa0, integer(Buffer.of(2))), // version 3 counts from 0
    integer(serial),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...toExtensions(names))),
  );
  const certificate = sequence(signed, algorithm, bitString(sign("sha256", signed, privateKey)));
  return {
    cert: toPem("CERTIFICATE", certificate),
    key: toPem("PRIVATE KEY", privateKey.export({ type: "pkcs8", format: "der" })),
  };
}

/** Section 4.2.1: for servers only, to sign only, no authority, and the names. */
function toExtensions(names: readonly string[]): Buffer[] {
  const digitalSignature = bitString(Buffer.of(0b1000_0000), 7);
  const serverAuth = sequence(objectIdentifier("1.3.6.1.5.5.7.3.1"));
  return [
    toExtension("2.5.29.19", sequence(), derTrue), // basic constraints: no authority
    toExtension("2.5.29.15", digitalSignature, derTrue),
    toExtension("2.5.29.37", serverAuth),
    toExtension("2.5.29.17", sequence(...names.map(toGeneralName))),
  ];
}

function toExtension(identifier: string, value: Buffer, ...critical: Buffer[]): Buffer {
  return sequence(objectIdentifier(identifier), ...critical, octetString(value));
}

function toGeneralName(name: string): Buffer {
  return isIP(name) ? der(0x87, toAddress(name)) : der(0x82, Buffer.from(name));
}

/** Four or sixteen bytes. The URL parser brings IPv6 into its shortest form first. */
function toAddress(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split(".").map(Number));
  const { hostname } = new URL(`http://[${address}]/`);
  const [head = "", tail] = hostname.slice(1, -1).split("::");
  const groups = (text: string) =>
    text === "" ? [] : text.split(":").map((g) => Number(`0x${g}`));
  const front = groups(head);
  const back = groups(tail ?? "");
  const zeros = new Array<number>(8 - front.length - back.length).fill(0);
  return Buffer.from([...front, ...zeros, ...back].flatMap((group) => [group >> 8, group & 0xff]));
}

function toTime(time: number): Buffer {
  return new Date(time).getUTCFullYear() < 2050 ? utcTime(time) : generalizedTime(time);
}

function toPem(label: string, content: Buffer): string {
  const lines = content.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** Written beside and renamed, so that nobody ever reads half a file or one open to all. */
async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const beside = `${path}.${process.pid}`;
  await writeFile(beside, text, { mode });
  await chmod(beside, mode); // an older file of that name would have kept its mode
  await rename(beside, path);
}

function withFingerprint(pair: Pair): SelfSigned {
  return { ...pair, fingerprint: new X509Certificate(pair.cert).fingerprint256 };
}
