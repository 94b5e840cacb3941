/** What an administrator is told of a server: the `stats` of `/admin/events`, and `/admin/connections`. */

/** A number for the readers of each transport. */
export interface ByTransport {
  readonly websocket: number;
  readonly sse: number;
}

/** How long something took, in milliseconds, over the last 10 s; null where nothing was measured. */
export interface Latency {
  /** How many were measured. */
  readonly count: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

/** A room that somebody is in. */
export interface BusyRoom {
  readonly room: string;
  readonly members: number;
  readonly observers: number;
  readonly messagesPerSecond: number;
  /** When its newest message came, in milliseconds since 1970; null before any. */
  readonly lastActivityAt: number | null;
}

/** The data of a `stats` event. Rates are of the time since the last one, about a second. */
export interface ServerStats {
  readonly type: "stats";
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly version: string;
  /** The name of the machine, where several servers may be one over Redis; else null. */
  readonly machine: string | null;
  /** The number of the process that tells all this, where several serve together; else null. */
  readonly worker: number | null;
  readonly uptimeMs: number;
  /** Why the server should get no new work; null when it is ready. */
  readonly unreadyReason: string | null;
  /** What is refused: 0 nothing, 1 connections, 2 reading of history too, 3 publishes too. */
  readonly loadLevel: number;
  /** Open connections. */
  readonly connections: ByTransport;
  /** Rooms that somebody is in. */
  readonly rooms: number;
  /** Messages stored. */
  readonly messagesPerSecond: number;
  /** Messages handed to readers. */
  readonly deliveriesPerSecond: number;
  /** Bytes of what clients sent, and of what was sent to them. */
  readonly receivedBytesPerSecond: number;
  readonly sentBytesPerSecond: number;
  /** HTTP requests answered; those of WebSockets and streams too. */
  readonly requestsPerSecond: number;
  /** From taking a message to its acknowledgement. */
  readonly publishMs: Latency;
  /** Of the store's transactions. */
  readonly commitMs: Latency;
  /** By how much timers came late. */
  readonly eventLoopDelayMs: Latency;
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** Cores in use: 1 is one core all the time. */
  readonly cpu: number;
  /** Bytes that wait for readers. */
  readonly queueBytes: ByTransport;
  /** Connections cut because they did not read, since the start. */
  readonly slowReaders: ByTransport;
  /** Refusals since the start, by the limit that was reached; limits never reached are left out. */
  readonly limitsHit: Readonly<Record<string, number>>;
  /** Refusals since the start, by code; codes never answered are left out. */
  readonly errors: Readonly<Record<string, number>>;
  /** The rooms with most messages a second, then with most members; at most 50. */
  readonly busyRooms: readonly BusyRoom[];
}

/** An open connection, as `GET /admin/connections` lists it. */
export interface ListedConnection {
  /** What `POST /auth/disconnect` takes as `connection`. */
  readonly connection: string;
  readonly transport: keyof ByTransport;
  readonly user: { readonly id: string; readonly name: string };
  /** The address its limits are counted by: an IPv6 address counts by its network. */
  readonly address: string;
  /** When it connected, in milliseconds since 1970. */
  readonly since: number;
  /** The rooms it is in or follows: the first of them, and how many. */
  readonly rooms: readonly string[];
  readonly roomCount: number;
  /** Messages and bytes that it sent, and that were sent to it. */
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Bytes that wait for it to read them. */
  readonly queueBytes: number;
}

/** The answer to `GET /admin/connections`: the oldest first. */
export interface ConnectionPage {
  readonly connections: readonly ListedConnection[];
  /** What to give as `after` for the next page; null on the last one. */
  readonly next: number | null;
}
