/** Listening: one port for HTTP/1.1, HTTP/2 and HTTP/3. */

import type { Server } from "bun";
import type { AnyElysia } from "elysia";

/** Where a server listens. */
export interface Listening {
  readonly server: Server<unknown>;
  /** Without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** The SHA-256 fingerprint of a certificate that the server made itself, else null. */
  readonly fingerprint: string | null;
}

/** A certificate as PEM text. `fingerprint` is null unless the server made it itself. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly fingerprint: string | null;
}

/** Why a server did not start. The message is one sentence, safe to show. */
export class StartError extends Error {
  override readonly name = "StartError";
}

/**
 * Seconds in which a client must take some bytes. The kernel takes up to 2.65 MB of a download at a
 * time, so this also bounds how slowly one may be read: 22 KB/s.
 */
const idleTimeoutSeconds = 120;

/**
 * Begins to listen.
 * @throws StartError when the port is taken or the host is not of this machine
 */
export function listen(
  app: AnyElysia,
  { host, port, http3 }: { host: string; port: number; http3: boolean },
  certificate: Certificate | null,
): Listening {
  const tls = certificate === null ? undefined : { cert: certificate.cert, key: certificate.key };
  try {
    app.listen({
      hostname: host,
      port,
      reusePort: false, // Elysia's default lets two servers share a port in silence
      development: false, // Bun would answer errors with a page that shows the stack
      idleTimeout: idleTimeoutSeconds,
      http2: true,
      ...(tls === undefined ? {} : { tls, http3 }),
    });
  } catch (thrown) {
    throw new StartError(describe(thrown, host, port));
  }
  const { server } = app;
  if (server === null || server.port === undefined) throw new StartError("The port did not open.");
  const shown = host === "0.0.0.0" || host === "::" ? "localhost" : host;
  const authority = `${shown.includes(":") ? `[${shown}]` : shown}:${server.port}`;
  return {
    server,
    url: `${tls === undefined ? "http" : "https"}://${authority}`,
    port: server.port,
    fingerprint: certificate?.fingerprint ?? null,
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
