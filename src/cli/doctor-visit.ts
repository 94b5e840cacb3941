/** One visit of the doctor: whom it sees, and what one check learns that another needs. */

import type { Target } from "./connection-options.ts";

/** How long anything may take that should take a moment. */
export const answerMs = 4_000;
const textCharactersMax = 4_194_304;

/** What a visit goes by. Times are milliseconds. */
export interface VisitOptions {
  /** Without a slash at its end. */
  readonly url: string;
  readonly tls: Target["tls"];
  readonly token: string | undefined;
  /** A room that may be used; what is published there stays. Undefined where nothing may stay. */
  readonly room: string | undefined;
  /** How long quiet connections are held; 0 for not at all. */
  readonly idleMs: number;
  /** The variables, for what they say of a proxy. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since 1970 by the clock of this machine. */
  readonly now: () => number;
  /** Ends what still runs. */
  readonly signal: AbortSignal;
}

/** What the server said first over WebSocket, as far as it is needed. */
export interface Welcome {
  readonly connection: string;
  readonly user: { readonly id: string; readonly name: string };
  readonly frameBytesMax: number;
  readonly heartbeatMs: number;
  readonly version: string;
}

/** A message of the room that tells the time: when it was made, and when it came. */
export interface Tick {
  readonly at: number;
  readonly arrivedAt: number;
}

/** What the checks learn on the way. */
export interface Learned {
  /** Who answers in front of the server, by its own words; undefined where nobody says so. */
  front?: string;
  /** The address of this machine that the server, or a proxy, is reached from. */
  localAddress?: string;
  roundTripMs?: number;
  /** The server's time less ours by the `Date` of an answer, to half a second. */
  dateDifferenceMs?: number;
  ticks: readonly Tick[];
  welcome?: Welcome;
  /** Why the token was refused; undefined where it was not. */
  refusal?: string;
}

/** A server that is looked at. */
export class Visit {
  readonly options: VisitOptions;
  readonly address: URL;
  readonly learned: Learned = { ticks: [] };

  constructor(options: VisitOptions) {
    this.options = options;
    this.address = new URL(options.url);
  }

  /** Whether it is reached over TLS. */
  get isSecure(): boolean {
    return this.address.protocol === "https:";
  }

  /** The name or address of the host, without brackets. */
  get host(): string {
    return this.address.hostname.replace(/^\[(.*)\]$/, "$1");
  }

  get port(): number {
    return Number(this.address.port) || (this.isSecure ? 443 : 80);
  }

  /** Asks for a path with the token. A redirect is an answer like others. */
  ask(path: string, init: BunFetchRequestInit = {}, withinMs = answerMs): Promise<Response> {
    const { url, tls, token, signal } = this.options;
    const headers = new Headers(init.headers);
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    return fetch(`${url}${path}`, {
      redirect: "manual",
      ...init,
      headers,
      tls,
      signal: AbortSignal.any([signal, AbortSignal.timeout(withinMs)]),
    });
  }

  /** Whose doing it is, as a sentence says it, where the server itself does no such thing. */
  get culprit(): string {
    return this.learned.front ?? "the proxy";
  }
}

/** Waits, or not, where the visit is over. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) return Promise.resolve();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    resolve();
  });
  return promise;
}

/** Reads the text of an answer, and no more of it than any of ours has. */
export async function readText(answer: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of answer.body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length > textCharactersMax) break; // whoever says more is none of ours
  }
  return text;
}

/** Why something failed: a word of the system such as ECONNREFUSED, or else what was thrown. */
export function faultOf(error: unknown): string {
  if (error instanceof DOMException && error.name === "TimeoutError") return "ETIMEDOUT";
  if (error instanceof Error && "code" in error && error.code) return String(error.code);
  return error instanceof Error ? error.message : String(error);
}
