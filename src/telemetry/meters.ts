/** The table of meters: what each is called, what it tells, and where its numbers come from. */

import type { Histogram } from "./histogram.ts";
import type { Measures, PublisherCounts, ReaderCounts, RouteMeasure } from "./measures.ts";

/** Where the numbers come from; each is read when somebody asks. */
export interface MeterSources {
  readonly version: string;
  readonly measures: Measures;
  /** Open connections. */
  readonly connections: () => Readonly<ReaderCounts>;
  /** Open WebSockets that only echo. */
  readonly echoes: () => number;
  /** Bytes that wait for readers. */
  readonly queueBytes: () => Readonly<ReaderCounts>;
  /** Rooms that somebody is in. */
  readonly rooms: () => number;
  /** Whether the server should get new work. */
  readonly isReady: () => boolean;
  /** What is refused because there is too much to do, from 0 to 3. */
  readonly loadLevel: () => number;
}

export type Labels = Readonly<Record<string, string>>;

/** One meter. Names, units and help are as Prometheus asks: base units, and totals that end so. */
export interface Meter {
  readonly name: string;
  readonly type: "gauge" | "counter" | "histogram";
  readonly help: string;
  /** How the numbers of several workers become one. */
  readonly aggregator: "sum" | "max";
  /** What it shows, under each combination of labels. */
  readonly read: () => (readonly [Labels, number | Histogram])[];
}

type Read = Meter["read"];

/** All meters, those of the process left out. */
export function listMeters(sources: MeterSources): Meter[] {
  return [...listGauges(sources), ...listCounters(sources.measures), ...listHistograms(sources)];
}

function listGauges({ version, ...sources }: MeterSources): Meter[] {
  const { connections, echoes, queueBytes, rooms, isReady, loadLevel } = sources;
  const gauge = toMeterOf("gauge");
  const most = toMeterOf("gauge", "max");
  return [
    gauge("connections", "Open connections.", () => [
      ...byTransport(connections()),
      [{ transport: "echo" }, echoes()],
    ]),
    gauge("rooms", "Rooms that somebody is in.", () => only(rooms())),
    gauge("queue_bytes", "Bytes that wait for readers.", () => byTransport(queueBytes())),
    most("ready", "1 where the server should get new work.", () => only(isReady() ? 1 : 0)),
    most("load_level", "0, or up to 3 where there is too much to do.", () => only(loadLevel())),
    most("build_info", "1, under what is running.", () => [[{ version, bun: Bun.version }, 1]]),
    gauge("workers", "Processes whose numbers these are.", () => only(1)),
  ];
}

function listCounters(measures: Measures): Meter[] {
  const counter = toMeterOf("counter");
  const each = (name: string, help: string, counts: ReaderCounts | PublisherCounts) =>
    counter(name, help, () => byTransport(counts));
  return [
    each("connections_opened_total", "Connections that were let in.", measures.opened),
    each("joins_total", "Rooms entered.", measures.joins),
    each("leaves_total", "Rooms left.", measures.leaves),
    each("publishes_total", "Messages that arrived to be published.", measures.publishes),
    each("duplicates_total", "Messages that had been published before.", measures.duplicates),
    counter("messages_total", "Messages stored for publishers here.", () =>
      only(measures.messages),
    ),
    each("deliveries_total", "Messages handed to live readers.", measures.deliveries),
    counter("signals_total", "Signals passed on.", () => only(measures.signals)),
    each("received_bytes_total", "Bytes of frames and bodies received.", measures.receivedBytes),
    each("sent_bytes_total", "Bytes of frames and events sent.", measures.sentBytes),
    each("slow_readers_total", "Connections cut because they did not read.", measures.slowReaders),
    each("gaps_total", "Gaps told to readers that have missed something.", measures.gaps),
    each("drained_total", "Connections told to come back later.", measures.drained),
    counter("limits_hit_total", "Refusals by the limit reached.", () =>
      [...measures.limitsHit].map(([limit, count]) => [{ limit }, count] as const),
    ),
    counter("errors_total", "Errors answered.", () => readErrors(measures)),
    counter("token_failures_total", "Tokens not accepted.", () => only(measures.tokenFailures)),
    counter("store_failures_total", "Failures of the message store.", () =>
      only(measures.storeFailures),
    ),
    counter("http_requests_total", "HTTP requests answered.", () =>
      [...measures.routes.values()].flatMap(readRoute),
    ),
  ];
}

function listHistograms({ measures }: MeterSources): Meter[] {
  const histogram = toMeterOf("histogram");
  const { publishSeconds, commitMessages, commitSeconds, eventLoopDelaySeconds } = measures;
  return [
    histogram("publish_seconds", "From a message's arrival to its acknowledgement.", () => [
      [{ transport: "websocket" }, publishSeconds.websocket],
      [{ transport: "http" }, publishSeconds.http],
    ]),
    histogram("store_commit_messages", "Messages of one transaction of the store.", () =>
      only(commitMessages),
    ),
    histogram("store_commit_seconds", "Time of one transaction of the store.", () =>
      only(commitSeconds),
    ),
    histogram("event_loop_delay_seconds", "By how much a timer came late.", () =>
      only(eventLoopDelaySeconds),
    ),
    histogram("http_request_seconds", "From an HTTP request to its answer's beginning.", () =>
      [...measures.routes.values()].map(({ method, route, seconds }) => [
        { method, route },
        seconds,
      ]),
    ),
  ];
}

function toMeterOf(type: Meter["type"], aggregator: Meter["aggregator"] = "sum") {
  return (name: string, help: string, read: Read): Meter => {
    return { name: `partyline_${name}`, type, help, aggregator, read };
  };
}

function only<Value>(value: Value): [Labels, Value][] {
  return [[{}, value]];
}

function byTransport(counts: Readonly<ReaderCounts> | Readonly<PublisherCounts>) {
  return Object.entries(counts).map(([transport, count]) => [{ transport }, count] as const);
}

function readErrors({ errors }: Measures) {
  return Object.entries(errors).flatMap(([transport, counts]) =>
    [...counts].map(([code, count]) => [{ transport, code }, count] as const),
  );
}

function readRoute({ method, route, classes }: RouteMeasure) {
  return [...classes].flatMap((count, digit) =>
    count === 0 ? [] : [[{ method, route, status: `${digit}xx` }, count] as const],
  );
}
