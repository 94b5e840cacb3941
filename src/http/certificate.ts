/** The certificate of the server: read from files, or made for development. */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { type Certificate, StartError } from "./listen.ts";
import { loadSelfSigned } from "./self-signed.ts";

/** What the configuration says of TLS. */
export interface TlsConfig {
  readonly tlsCert: string | null;
  readonly tlsKey: string | null;
  readonly tlsSelfSigned: boolean;
  /** Authorities of client certificates; null asks for none. */
  readonly tlsClientCa: string | null;
  /** The data folder; a certificate of our own lies in its `tls`. */
  readonly data: string;
  readonly host: string;
}

/**
 * Loads what the configuration names: two PEM files, or the certificate that the server makes for
 * itself in `<data>/tls` and keeps until it is about to expire. Null without TLS.
 * @throws StartError naming the key, the file and what is accepted
 */
export async function loadCertificate(config: TlsConfig): Promise<Certificate | null> {
  const { tlsCert, tlsKey, tlsSelfSigned, tlsClientCa, data, host } = config;
  const isGiven = tlsCert !== null && tlsKey !== null;
  if (!isGiven && !tlsSelfSigned) return null;
  const clientCa = tlsClientCa === null ? null : await loadClientCa(tlsClientCa);
  if (!isGiven) return { ...(await loadSelfSigned(join(data, "tls"), host, Date.now())), clientCa };
  const pair = {
    cert: await readPem("tls-cert", tlsCert),
    key: await readPem("tls-key", tlsKey),
  };
  assertPair(pair, { certPath: tlsCert, keyPath: tlsKey }, Date.now());
  return { ...pair, fingerprint: null, clientCa };
}

async function loadClientCa(path: string): Promise<string> {
  const text = await readPem("tls-client-ca", path);
  return parse("tls-client-ca", path, "PEM certificates of authorities", () => {
    const [first, ...others] = text.match(pemCertificate) ?? [];
    if (first === undefined) throw new Error("none");
    // Each of them, since one that is broken would keep its clients out without a word.
    for (const each of [first, ...others]) new X509Certificate(each);
    return text;
  });
}

const pemCertificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** A certificate, with those of its issuers behind it, and its private key, both as PEM text. */
interface Pair {
  readonly cert: string;
  readonly key: string;
}

interface Origin {
  readonly certPath: string;
  readonly keyPath: string;
}

function assertPair({ cert, key }: Pair, { certPath, keyPath }: Origin, now: number): void {
  const certificate = parse("tls-cert", certPath, "a PEM certificate", () => {
    return new X509Certificate(cert);
  });
  const privateKey = parse("tls-key", keyPath, "a PEM private key without a passphrase", () => {
    return createPrivateKey(key);
  });
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new StartError(
      `The private key ${keyPath} (tls-key) does not belong to the certificate ${certPath} ` +
        "(tls-cert); give the key that it was made for, and its own certificate first in the file.",
    );
  }
  // All of the file, as the server will take it: an issuer further down may be broken.
  parse("tls-cert", certPath, "PEM certificates that TLS can use", () => {
    createSecureContext({ cert, key });
  });
  const { validFromDate, validToDate } = certificate;
  if (validToDate.getTime() <= now) {
    const when = toDay(validToDate);
    throw new StartError(`The certificate ${certPath} (tls-cert) expired on ${when}; renew it.`);
  }
  if (validFromDate.getTime() > now) {
    throw new StartError(
      `The certificate ${certPath} (tls-cert) is valid only from ${toDay(validFromDate)} on; ` +
        "check this machine's clock.",
    );
  }
}

async function readPem(name: string, path: string): Promise<string> {
  const accepted = "give the path of a PEM file that this user may read.";
  try {
    return await readFile(path, "utf8");
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
    const reason = code === "ENOENT" ? "does not exist" : `cannot be read (${code})`;
    throw new StartError(`The file ${path} (${name}) ${reason}; ${accepted}`);
  }
}

function parse<Parsed>(name: string, path: string, form: string, read: () => Parsed): Parsed {
  try {
    return read();
  } catch {
    // What OpenSSL says of it helps nobody, and might quote a key.
    throw new StartError(`The file ${path} (${name}) does not hold ${form}.`);
  }
}

function toDay(date: Date): string {
  return date.toISOString().slice(0, 10);
}
