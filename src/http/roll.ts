/** The roll of open connections: who is there, since when, and what went through. */

import type { Pass } from "../limit/pass.ts";
import { errorTable, type PartylineError } from "../protocol/errors.ts";
import type { Sender } from "../protocol/frame.ts";
import type { ByTransport, ConnectionPage, ListedConnection } from "../protocol/server-report.ts";
import type { Log } from "../telemetry/log.ts";
import type { Measures } from "../telemetry/measures.ts";
import { findTrace, type Trace } from "../telemetry/trace.ts";
import type { Traffic } from "../telemetry/traffic.ts";
import type { Leaver } from "./drain.ts";

/** Where a connection came from. */
export interface Arrival {
  /** What its limits are counted by. */
  readonly address: string;
  readonly trace: Trace | undefined;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Milliseconds of a clock that never goes back. */
  readonly startedAt: number;
}

/** Notes where a connection comes from that is let in by a pass. */
export function toArrival({ headers }: Request, { address }: Pass): Arrival {
  const trace = findTrace(headers);
  return { address: address.key, trace, since: Date.now(), startedAt: performance.now() };
}

/** A WebSocket connection or an SSE stream, as long as it is open. */
export interface Attendee {
  readonly id: string;
  readonly transport: keyof ByTransport;
  /** How many came before it, and one; the roll sets it. */
  number: number;
  readonly user: Sender;
  readonly arrival: Arrival;
  /** The rooms it is in or follows. */
  readonly roomNames: readonly string[];
  /** Bytes that wait for it to read them. */
  readonly queueBytes: number;
  /** What went through it so far. */
  measureTraffic(): Traffic;
  /** Ends it, and tells it why. */
  expire(error: PartylineError): void;
  /** Ends it at once, with all that waits for it: it does not read. */
  cut(): void;
}

export interface SocketAttendee extends Attendee, Leaver {
  readonly transport: "websocket";
}

export interface StreamAttendee extends Attendee {
  readonly transport: "sse";
}

/** How a connection ended. */
export interface Ending {
  /** WebSocket's close code; undefined for a stream. */
  readonly code?: number;
  readonly reason: string;
}

/** Rooms named of one connection. */
const roomsNamedMax = 20;
/** What is said when connections are closed here, save codes of errors. */
const ownReasons: ReadonlySet<string> = new Set(["no frame came", ...Object.keys(errorTable)]);

/** Holds everybody once, in sets alone: what each entry weighs is weighed ten thousand times. */
export class Roll {
  readonly #websockets = new Set<SocketAttendee>();
  readonly #streams = new Set<StreamAttendee>();
  readonly #log: Pick<Log, "info">;
  readonly #measures: Measures;
  #last = 0;

  constructor(log: Pick<Log, "info">, measures: Measures) {
    this.#log = log;
    this.#measures = measures;
  }

  /** The open WebSockets. */
  get websockets(): ReadonlySet<SocketAttendee> {
    return this.#websockets;
  }

  add(attendee: SocketAttendee | StreamAttendee): void {
    this.#last += 1;
    attendee.number = this.#last;
    if (attendee.transport === "websocket") this.#websockets.add(attendee);
    else this.#streams.add(attendee);
    this.#measures.opened[attendee.transport] += 1;
  }

  /** Takes somebody off, and writes one line about them. Does nothing the second time. */
  remove(attendee: SocketAttendee | StreamAttendee, { code, reason }: Ending): void {
    const wasThere =
      attendee.transport === "websocket"
        ? this.#websockets.delete(attendee)
        : this.#streams.delete(attendee);
    if (!wasThere) return;
    const { id: connection, transport, user, arrival } = attendee;
    const { address, startedAt, trace } = arrival;
    const ms = Math.round(performance.now() - startedAt);
    const fields = { connection, transport, user: user.id, address, ms };
    const traffic = attendee.measureTraffic();
    // What a client says when it closes is its own business, and may be anything.
    const told = ownReasons.has(reason) ? { reason } : {};
    this.#log.info({ ...fields, ...traffic, code, ...told, ...trace }, "connection ended");
  }

  /** Finds an open connection by its id. It looks at each: a map would cost all of them memory. */
  find(id: string): Attendee | undefined {
    return this.#all().find((attendee) => attendee.id === id);
  }

  /** The open connections of a user. */
  of(user: string): Attendee[] {
    return this.#all().filter((attendee) => attendee.user.id === user);
  }

  /** Bytes that wait for readers now. It asks each of them: some ten nanoseconds. */
  sumQueueBytes(): ByTransport {
    const sum = { websocket: 0, sse: 0 };
    for (const { queueBytes } of this.#websockets) sum.websocket += queueBytes;
    for (const { queueBytes } of this.#streams) sum.sse += queueBytes;
    return sum;
  }

  /** Cuts those for whom more than `bytes` wait. */
  cutSlowReaders(bytes: number): void {
    for (const attendee of this.#all()) if (attendee.queueBytes > bytes) attendee.cut();
  }

  /** Lists those who came after the one with the number `after`, at most `limit`; `user` is an id. */
  list(after: number, limit: number, user: string | undefined): ConnectionPage {
    const wanted = (user === undefined ? this.#all() : this.of(user))
      .filter(({ number }) => number > after)
      .sort((a, b) => a.number - b.number);
    const page = wanted.slice(0, limit);
    const next = wanted.length > limit ? (page.at(-1)?.number ?? after) : null;
    return { connections: page.map(describe), next };
  }

  #all(): Attendee[] {
    return [...this.#websockets, ...this.#streams];
  }
}

function describe(attendee: Attendee): ListedConnection {
  const { id: connection, transport, arrival, roomNames, queueBytes } = attendee;
  const { id, name } = attendee.user;
  const { messagesIn, messagesOut, bytesIn, bytesOut } = attendee.measureTraffic();
  return {
    ...{ connection, transport, user: { id, name } },
    ...{ address: arrival.address, since: arrival.since },
    ...{ rooms: roomNames.slice(0, roomsNamedMax), roomCount: roomNames.length },
    ...{ messagesIn, messagesOut, bytesIn, bytesOut, queueBytes },
  };
}
