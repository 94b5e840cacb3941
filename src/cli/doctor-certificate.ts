/** TLS: what is spoken, and who vouches for the server. */

import { isIP } from "node:net";
import { checkServerIdentity, connect, type DetailedPeerCertificate } from "node:tls";
import type { Notes } from "./doctor-finding.ts";
import { round } from "./doctor-network.ts";
import { answerMs, faultOf, type Visit } from "./doctor-visit.ts";
import { formatCount } from "./quantity.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Whoever renews by machine does so 30 days ahead: below this, that has failed for a while. */
const daysLeftMin = 21;

const otherName = "ALTNAME";
const selfSigned = "SELF_SIGNED";
const expired = "CERT_HAS_EXPIRED";

interface Handshake {
  readonly certificate: DetailedPeerCertificate;
  readonly ms: number;
  readonly protocol: string;
  readonly cipher: string;
  /** The protocol chosen of HTTP/2 and HTTP/1.1; empty where none was. */
  readonly alpn: string;
  /** Why nobody vouches for the certificate; undefined where somebody does. */
  readonly distrust: string | undefined;
}

/** Tells whether to go on: over a line that nobody vouches for no token is sent. */
export async function checkCertificate(visit: Visit, notes: Notes): Promise<boolean> {
  if (!visit.isSecure) {
    noteMissingTls(visit, notes);
    return true;
  }
  let shaken: Handshake;
  try {
    shaken = await shakeHands(visit);
  } catch (error) {
    const seen = `No TLS comes about (${faultOf(error)}).`;
    notes.fail(
      "handshake",
      seen,
      `Is it http:// on port ${visit.port}? Else give it a certificate.`,
    );
    return false;
  }
  const { protocol, cipher, alpn, ms } = shaken;
  notes.ok("handshake", `${protocol} with ${cipher} in ${round(ms)} ms`, {
    protocol,
    cipher,
    handshakeMs: round(ms),
  });
  if (alpn === "h2") notes.ok("ALPN", "chooses h2, so browsers speak HTTP/2", { alpn });
  else {
    const advice = "Switch HTTP/2 on in the proxy (nginx: listen 443 ssl http2;).";
    const seen = `chooses ${alpn || "nothing"}: over HTTP/1.1 a browser opens six streams at most`;
    notes.warn("ALPN", seen, advice, { alpn: alpn || null });
  }
  noteLifetime(shaken, notes);
  return noteTrust(visit, shaken, notes);
}

function noteMissingTls({ host }: Visit, notes: Notes): void {
  if (host === "localhost" || host === "::1" || host.startsWith("127.")) {
    notes.skip("handshake", "http:// on this machine needs none");
    return;
  }
  const seen = "http:// is neither encrypted nor proven: tokens can be read on the way.";
  notes.warn("handshake", seen, "Serve it over https://, with tls-cert and tls-key or by a proxy.");
}

function shakeHands({ host, port, options }: Visit): Promise<Handshake> {
  const { promise, resolve, reject } = Promise.withResolvers<Handshake>();
  const begin = performance.now();
  const socket = connect({
    host,
    port,
    servername: isIP(host) > 0 ? "" : host,
    ALPNProtocols: ["h2", "http/1.1"],
    ca: options.tls.ca,
    rejectUnauthorized: false, // it is looked at below, and nothing is said on this line
  });
  const timer = setTimeout(() => reject(new DOMException("", "TimeoutError")), answerMs);
  socket.on("error", reject);
  socket.once("close", () => reject(new Error("it hung up")));
  socket.once("secureConnect", () => {
    const certificate = socket.getPeerCertificate(true);
    const reason: unknown = socket.authorized ? undefined : socket.authorizationError;
    const mismatch = checkServerIdentity(host, certificate);
    resolve({
      certificate,
      ms: performance.now() - begin,
      protocol: socket.getProtocol() ?? "TLS",
      cipher: socket.getCipher().name,
      alpn: socket.alpnProtocol || "",
      distrust: reason ? faultOf(reason) : mismatch && otherName,
    });
  });
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

function noteLifetime({ certificate }: Handshake, notes: Notes): void {
  const [beginsAt, endsAt] = [certificate.valid_from, certificate.valid_to].map(Date.parse);
  const leftMs = (endsAt ?? 0) - Date.now();
  const lifeMs = (endsAt ?? 0) - (beginsAt ?? 0);
  const daysLeft = Math.floor(leftMs / dayMs);
  const date = new Date(endsAt ?? 0).toISOString().slice(0, 10);
  const numbers = { daysLeft };
  if (leftMs < 0) {
    notes.fail(
      "expiry",
      `ran out on ${date}`,
      "Put a new one in place, and renew by machine.",
      numbers,
    );
    return;
  }
  const left =
    daysLeft > 0 ? formatCount(daysLeft, "day") : formatCount(Math.floor(leftMs / hourMs), "hour");
  const seen = `until ${date}, ${left}`;
  // What lives for days only is renewed when a third of that is left.
  if (daysLeft >= daysLeftMin || leftMs > lifeMs / 3) notes.ok("expiry", seen, numbers);
  else
    notes.warn("expiry", seen, "Renew it now, and see why that did not happen by itself.", numbers);
}

function noteTrust({ host, options }: Visit, shaken: Handshake, notes: Notes): boolean {
  const { certificate, distrust } = shaken;
  const names = (certificate.subjectaltname ?? "none").replaceAll(/DNS:|IP Address:/g, "");
  const issuer = certificate.issuer.O ?? certificate.issuer.CN ?? "nobody named";
  // Of one that is no authority's, the code tells only that its maker is unknown.
  const isSelfSigned =
    distrust?.includes("SELF_SIGNED") === true ||
    Bun.deepEquals(certificate.subject, certificate.issuer);
  const numbers = { isSelfSigned, fingerprint256: certificate.fingerprint256 };
  const maker = isSelfSigned ? "by itself" : `by ${issuer}`;
  const seen = `for ${names}, signed ${maker}`;
  if (distrust === undefined) {
    notes.ok("certificate", seen, numbers);
    return true;
  }
  const isPlain = distrust.includes(otherName) || distrust === expired;
  const [reason, advice] = explain(isSelfSigned && !isPlain ? selfSigned : distrust, host);
  if (options.tls.rejectUnauthorized === false) {
    notes.warn("certificate", `${seen}; ${reason}, which --insecure lets pass`, advice, numbers);
    return true;
  }
  notes.fail("certificate", `${seen}; ${reason}`, advice, numbers);
  return false;
}

function explain(distrust: string, host: string): [reason: string, advice: string] {
  const trust = "give --ca with a certificate to trust, or --insecure to try things out";
  if (distrust.includes(otherName)) {
    return [`not for ${host}`, `Get a certificate that names ${host}, or use a name that it has.`];
  }
  if (distrust === expired) return ["run out", "Put a new certificate in place."];
  if (distrust === selfSigned) {
    return ["trusted by nobody", `Get one from an authority such as Let's Encrypt, or ${trust}.`];
  }
  return [
    `not trusted (${distrust})`,
    `Let the server send the whole chain (fullchain.pem); or ${trust}.`,
  ];
}
