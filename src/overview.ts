/** What can be seen of a server: its meters, the `$` rooms, the stream for administrators. */

import { hostname } from "node:os";
import type { Registry } from "prom-client";
import type { Config } from "./config.ts";
import { startClock } from "./feeds/clock.ts";
import { startServerStats } from "./feeds/server-stats.ts";
import type { Drain } from "./http/drain.ts";
import type { HealthParts } from "./http/health.ts";
import type { ConnectionHouse } from "./http/room-connection.ts";
import { ServerWatch } from "./http/server-watch.ts";
import type { Streams } from "./http/sse.ts";
import type { Broker } from "./hub/ports.ts";
import { systemClock } from "./opening.ts";
import { watchEventLoop } from "./telemetry/event-loop.ts";
import type { MeterSnapshots } from "./telemetry/meter-sum.ts";
import type { MeterSources } from "./telemetry/meters.ts";
import { version } from "./version.ts";

/** The other workers of a server that is several processes. */
export interface Colleagues {
  /** The number of this one, which stands in its log lines. */
  readonly worker: number;
  /** The meters of all of them together; null where they could not be had in time. */
  gatherMeters(): Promise<MeterSnapshots | null>;
  /** Logs a sentence that all of them have to say, once. */
  warn(sentence: string): void;
}

/** What is looked at. */
export interface OverviewParts
  extends Pick<ConnectionHouse, "hub" | "sessions" | "roll" | "measures" | "admission"> {
  readonly config: Config;
  readonly streams: Streams;
  readonly drain: Pick<Drain, "others">;
  /** Keeps the `$` rooms. */
  readonly systemBroker: Broker;
  readonly readiness: HealthParts["readiness"];
  /** Null for a server that is one process. */
  readonly colleagues: Colleagues | null;
}

/** `close` ends all of it and may be called twice. */
export class Overview {
  readonly watch: ServerWatch;
  readonly meters: HealthParts["meters"];
  /** Takes down what the meters of this process show. */
  readonly takeMeters: () => Promise<MeterSnapshots>;
  readonly hasOpenMetrics: boolean;
  readonly #stops: readonly (() => void)[];

  constructor(parts: OverviewParts) {
    const { config, hub, measures, streams, roll, sessions, readiness, colleagues } = parts;
    const sources = {
      ...{ version, measures },
      connections: () => ({ websocket: roll.websockets.size, sse: streams.count }),
      queueBytes: () => roll.sumQueueBytes(),
      loadLevel: () => parts.admission.shedding.level,
    };
    const rooms = () => hub.rooms;
    const worker = colleagues?.worker ?? null;
    const machine = config.redis === null ? null : hostname();
    this.watch = new ServerWatch({
      sources: { ...sources, machine, worker, rooms, unreadyReason: readiness },
      ...{ clock: systemClock, sessions },
    });
    const meters = createMetersOnce({
      ...sources,
      echoes: () => parts.drain.others.size,
      rooms: () => hub.rooms.size,
      isReady: () => readiness() === null,
    });
    this.meters = colleagues === null ? meters : () => sumWith(colleagues, meters);
    this.takeMeters = async () => {
      const { takeSnapshots } = await import("./telemetry/metrics.ts");
      return takeSnapshots(await meters());
    };
    this.hasOpenMetrics = hasOpenMetrics(config);
    const readNumbers = () => ({
      connections: roll.websockets.size + streams.count,
      rooms: hub.rooms.size,
      deliveries: measures.deliveries.websocket + measures.deliveries.sse,
    });
    this.#stops = [
      startClock(parts.systemBroker, systemClock),
      startServerStats(parts.systemBroker, systemClock, readNumbers),
      watchEventLoop(measures.eventLoopDelaySeconds),
    ];
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.watch.close();
  }
}

/** Without a key nobody could show that they may read the meters. */
function hasOpenMetrics({ metrics, issuers }: Config): boolean {
  return metrics === null ? issuers.length === 0 : metrics === "open";
}

/** Loads the meters when somebody first asks: most servers start without. */
function createMetersOnce(sources: MeterSources): () => Promise<Registry> {
  let meters: Promise<Registry> | undefined;
  return () => {
    meters ??= import("./telemetry/metrics.ts").then(({ createMeters }) => createMeters(sources));
    return meters;
  };
}

/** The meters of all workers; those of this one where the others cannot be had. */
async function sumWith(
  colleagues: Colleagues,
  meters: () => Promise<Registry>,
): ReturnType<HealthParts["meters"]> {
  const registry = await meters();
  return {
    contentType: registry.contentType,
    async metrics() {
      const { writeSnapshots } = await import("./telemetry/metrics.ts");
      const sum = await colleagues.gatherMeters();
      return sum === null ? registry.metrics() : writeSnapshots(sum);
    },
  };
}
