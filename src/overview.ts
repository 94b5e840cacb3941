/** What can be seen of a server: its meters, the `$` rooms, the stream for administrators. */

import type { Config } from "./config.ts";
import { startClock } from "./feeds/clock.ts";
import { startServerStats } from "./feeds/server-stats.ts";
import type { HealthParts } from "./http/health.ts";
import type { ConnectionHouse } from "./http/room-connection.ts";
import { ServerWatch } from "./http/server-watch.ts";
import type { Streams } from "./http/sse.ts";
import type { Broker } from "./hub/ports.ts";
import { systemClock } from "./opening.ts";
import { watchEventLoop } from "./telemetry/event-loop.ts";
import type { MeterSources } from "./telemetry/meters.ts";
import { version } from "./version.ts";

/** What is looked at. */
export interface OverviewParts
  extends Pick<ConnectionHouse, "hub" | "sessions" | "roll" | "measures" | "admission"> {
  readonly config: Config;
  readonly streams: Streams;
  /** Keeps the `$` rooms. */
  readonly systemBroker: Broker;
  readonly readiness: HealthParts["readiness"];
}

/** `close` ends all of it and may be called twice. */
export class Overview {
  readonly watch: ServerWatch;
  readonly meters: HealthParts["meters"];
  readonly hasOpenMetrics: boolean;
  readonly #stops: readonly (() => void)[];

  constructor(parts: OverviewParts) {
    const { config, hub, measures, streams, roll, sessions, readiness } = parts;
    const sources = {
      ...{ version, measures },
      connections: () => ({ websocket: roll.websockets.size, sse: streams.count }),
      queueBytes: () => roll.sumQueueBytes(),
      loadLevel: () => parts.admission.shedding.level,
    };
    const rooms = () => hub.rooms;
    this.watch = new ServerWatch({
      sources: { ...sources, rooms, unreadyReason: readiness },
      ...{ clock: systemClock, sessions },
    });
    this.meters = createMetersOnce({
      ...sources,
      rooms: () => hub.rooms.size,
      isReady: () => readiness() === null,
    });
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
function createMetersOnce(sources: MeterSources): HealthParts["meters"] {
  let meters: ReturnType<HealthParts["meters"]> | undefined;
  return () => {
    meters ??= import("./telemetry/metrics.ts").then(({ createMeters }) => createMeters(sources));
    return meters;
  };
}
