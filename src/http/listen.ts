/** Listening: one port for HTTP/1.1, HTTP/2 and HTTP/3. */

import { constants } from "node:crypto";
import type { Server } from "bun";
import type { AnyElysia } from "elysia";
import { Listener } from "./listener.ts";

/** Where a server listens. */
export interface Listening {
  readonly server: Listener;
  /** Without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** The SHA-256 fingerprint of a certificate that the server made itself, else null. */
  readonly fingerprint: string | null;
  /**
   * Shows another certificate to whoever connects from now on. Who is connected stays so.
   * @throws StartError with HTTP/3, and when the port did not open with it; the one before stays then
   */
  renew(certificate: Certificate): void;
}

/**
 * A certificate as PEM text. `fingerprint` is null unless the server made it itself; `clientCa` are
 * the authorities one of which a client's certificate must be from, null where none is asked for.
 */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly fingerprint: string | null;
  readonly clientCa: string | null;
}

/** Why a server did not start. The message is one sentence, safe to show. */
export class StartError extends Error {
  override readonly name = "StartError";
}

/**
 * Seconds in which the next request on a connection must have its head, in which a body must bring
 * 16 KiB for each of them, and in which a client must take some bytes of an answer. The kernel takes
 * up to 2.65 MB of a download at a time, so 120 s also bound how slowly one may be read: 22 KB/s.
 * Bun 1.4.5 gives the first head of a connection 10 s whatever is set here, looks every 4 s, and
 * takes at most 255. `server.timeout` does not reach the body of an answer that is a file.
 */
function toIdleTimeout(idleTimeoutMs: number): number {
  return Math.min(255, Math.ceil(idleTimeoutMs / 1_000));
}

/** Milliseconds to wait for others that claim a port, and between two tries. */
const turnMsMax = 5_000;
const turnPollMs = 5;

/** Where and how to listen. */
export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly http3: boolean;
  readonly idleTimeoutMs: number;
  readonly tlsMinVersion: "1.2" | "1.3";
  /**
   * For a port that several processes of ours listen on: the first claims it, which fails if anybody
   * else has it, and the others join. Left out, nobody shares it.
   */
  readonly sharing?: "claim" | "join";
}

/**
 * Begins to listen.
 * @throws StartError when the port is taken or the host is not of this machine
 */
export function listen(
  app: AnyElysia,
  options: ListenOptions,
  certificate: Certificate | null,
): Listening {
  const { host } = options;
  const begin = (port: number) => open(app, { ...options, port }, certificate);
  const server = options.sharing === "claim" ? claim(options, begin) : begin(options.port);
  const listener = new Listener(server);
  const port = server.port ?? options.port;
  const shown = host === "0.0.0.0" || host === "::" ? "localhost" : host;
  const authority = `${shown.includes(":") ? `[${shown}]` : shown}:${port}`;
  let current = certificate;
  return {
    server: listener,
    url: `${certificate === null ? "http" : "https"}://${authority}`,
    port,
    fingerprint: certificate?.fingerprint ?? null,
    renew(next) {
      if (options.http3) {
        // Bun 1.4.5 keeps the UDP port of a stopped server, and crashes when another wants it.
        throw new StartError("With http3 a new certificate is taken at the next start only.");
      }
      const fixed = { ...options, port };
      const before = current;
      current = next;
      listener.replace(
        () => open(app, fixed, next),
        () => {
          current = before;
          return open(app, fixed, before);
        },
      );
    },
  };
}

/** Has the port alone for a moment, then calls `act` with its number, which 0 leaves to the system. */
function claim<Result>({ host, port }: ListenOptions, act: (port: number) => Result): Result {
  const release = waitForTurn();
  try {
    const fetch = () => new Response(null, { status: 503 });
    const server = Bun.serve({ hostname: host, port, reusePort: false, fetch });
    void server.stop(true);
    return act(server.port ?? port);
  } catch (thrown) {
    throw thrown instanceof StartError ? thrown : new StartError(describe(thrown, host, port));
  } finally {
    release();
  }
}

/**
 * Lets one process at a time claim a port, or two could both have it alone, and then share it. A name
 * of the abstract kind (unix(7)) is known where the port is, and ends with its process. A claim takes
 * a millisecond: who holds the name for longer is nobody of ours, and keeps nobody from starting.
 */
function waitForTurn(): () => void {
  const endsAt = performance.now() + turnMsMax;
  do {
    try {
      const lock = Bun.listen({ unix: "\0partyline-claim", socket: { data() {} } });
      return () => lock.stop(true);
    } catch (thrown) {
      const isTaken = thrown instanceof Error && "code" in thrown && thrown.code === "EADDRINUSE";
      if (!isTaken) break; // there are no such names here
    }
    Bun.sleepSync(turnPollMs);
  } while (performance.now() < endsAt);
  return () => {};
}

function open(
  app: AnyElysia,
  { host, port, http3, idleTimeoutMs, tlsMinVersion, sharing }: ListenOptions,
  certificate: Certificate | null,
): Server<unknown> {
  const leaving = process.listeners("beforeExit");
  try {
    app.listen({
      hostname: host,
      port,
      reusePort: sharing !== undefined, // Elysia's default lets two share a port in silence
      development: false, // Bun would answer errors with a page that shows the stack
      idleTimeout: toIdleTimeout(idleTimeoutMs),
      http2: true,
      ...(certificate === null ? {} : { tls: toTlsOptions(certificate, tlsMinVersion), http3 }),
    });
  } catch (thrown) {
    throw new StartError(describe(thrown, host, port));
  } finally {
    // Elysia 1.4.30 adds a listener each time, which stops the server that we stop ourselves.
    for (const listener of process.listeners("beforeExit")) {
      if (!leaving.includes(listener)) process.off("beforeExit", listener);
    }
  }
  const { server } = app;
  if (server === null || server.port === undefined) throw new StartError("The port did not open.");
  return server;
}

/**
 * What TLS 1.2 may use: forward secrecy and authenticated encryption, with either kind of key. Bun
 * 1.4.5 would take CBC and, for an RSA key, its transport too. TLS 1.3 has nothing less.
 */
const ciphers = ["ECDSA", "RSA"]
  .flatMap((key) =>
    ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"].map((cipher) => {
      return `ECDHE-${key}-${cipher}`;
    }),
  )
  .join(":");

/** Bun 1.4.5 speaks nothing older than TLS 1.2. */
function toTlsOptions({ cert, key, clientCa }: Certificate, minVersion: "1.2" | "1.3") {
  return {
    cert,
    key,
    ciphers,
    secureOptions:
      constants.SSL_OP_CIPHER_SERVER_PREFERENCE |
      (minVersion === "1.3" ? constants.SSL_OP_NO_TLSv1_2 : 0),
    ...(clientCa === null ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  };
}

function describe(thrown: unknown, host: string, port: number): string {
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  switch (code) {
    case "EADDRINUSE":
      return `Port ${port} (port) on ${host} is taken; stop what listens there, or give another.`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `The host "${host}" (host) is no address of this machine.`;
    case "EACCES":
      return `Port ${port} (port) may not be opened by this user; give one above 1023.`;
    default: {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      return `The server cannot listen on ${host} port ${port}: ${reason}`;
    }
  }
}
