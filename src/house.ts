/** The composition root: Config → broker → hub → http. */

import type { AnyElysia } from "elysia";
import type { Registry } from "prom-client";
import { createOrigins } from "./auth/origin.ts";
import { Revocations } from "./auth/revocations.ts";
import { MemoryBroker } from "./broker/memory.ts";
import type { Config } from "./config.ts";
import { toEffectiveLimits } from "./config-limits.ts";
import { hasTls } from "./config-tls.ts";
import { isLoopback } from "./config-value.ts";
import { startClock } from "./feeds/clock.ts";
import { startServerStats } from "./feeds/server-stats.ts";
import { Admission } from "./http/admission.ts";
import { createApp } from "./http/app.ts";
import { docs } from "./http/docs.ts";
import { downloads } from "./http/downloads.ts";
import { drain } from "./http/drain.ts";
import type { Serving } from "./http/listener.ts";
import type { RoomConnection } from "./http/room-connection.ts";
import { Sessions } from "./http/sessions.ts";
import { Streams } from "./http/sse.ts";
import { ui } from "./http/ui.ts";
import { Hub } from "./hub/hub.ts";
import type { Broker, Fanout } from "./hub/ports.ts";
import { readConnectionsMax } from "./limit/open-files.ts";
import { createConfiguredLog, createFolder, openGuard, openLog, systemClock } from "./opening.ts";
import { limits } from "./protocol/limits.ts";
import type { Log } from "./telemetry/log.ts";
import { version } from "./version.ts";

/** Everything but the listening: for a server of our own, or inside somebody else's. */
export interface House {
  /** The routes, as a plugin. */
  readonly app: AnyElysia;
  /** Tells which server to publish through, once it listens. */
  attach(server: Serving): void;
  /** Sends everybody away from the attached server, then closes everything in reverse order. */
  close(): Promise<void>;
}

/**
 * Opens the log and puts the routes together.
 * @throws StartError, StoreError with a message to show
 */
export async function openHouse(
  config: Config,
  log: Log = createConfiguredLog(config),
): Promise<House> {
  await createFolder("files", config.files);
  const webApp = await ui();
  const { broker, revocationStore } = await openLog(config, log);
  const revocations = new Revocations(systemClock, revocationStore);
  const guard = await openGuard(config, revocations, log, broker);
  const sessions = new Sessions(guard.authenticator, systemClock);
  const systemBroker = new MemoryBroker({
    clock: systemClock,
    retention: { messagesMax: limits.systemRoomMessagesMax, ageMsMax: 0, bytesMax: 0 },
  });
  let server: Serving | null = null;
  const fanout: Fanout = { publish: (topic, frame) => void server?.publish(topic, frame) };
  const { roomMembersMax, connectionRoomsMax, frameBytesMax, bodyWithinMs } = config;
  const hub = new Hub({ broker, systemBroker, fanout, clock: systemClock, roomMembersMax });
  await hub.start();
  const admission = new Admission({
    limits: toEffectiveLimits(config, readConnectionsMax),
    clock: systemClock,
    now: () => performance.now(),
    log,
  });
  const { queueBytesMax } = config;
  const streams = new Streams({ hub, log, admission, sessions, queueBytesMax });
  const connections = new Set<RoomConnection>();
  let isDraining = false;
  const app = createApp({
    hub,
    log,
    streams,
    revocations,
    version,
    house: {
      ...{ hub, log, guard, sessions, connections, admission, connectionRoomsMax },
      greeting: toGreeting(config),
    },
    readiness: () => (isDraining ? "draining" : null),
    meters: createMetersOnce(hub, connections, streams),
    frameBytesMax: config.frameBytesMax,
    queueBytesMax: config.queueBytesMax,
    bodyLimits: { bytesMax: frameBytesMax, withinMs: bodyWithinMs },
    hasTls: hasTls(config),
    pageRules: {
      origins: createOrigins(config.allowOrigin),
      trustsNetwork: () => isOpen(config) && isLoopback(server?.hostname ?? ""),
    },
    answerHeaders: toAnswerHeaders(config),
    pages: [downloads(config.files, guard), docs(), webApp],
  });
  const stopFeeds = startFeeds(hub, systemBroker, connections, streams);
  return {
    app,
    attach(attached) {
      server = attached;
    },
    async close() {
      if (isDraining) return;
      isDraining = true;
      stopFeeds();
      admission.close();
      await drain(server, connections, streams);
      sessions.close();
      hub.close();
      await broker.close();
      await systemBroker.close();
    },
  };
}

function startFeeds(hub: Hub, log: Broker, connections: Set<RoomConnection>, streams: Streams) {
  const stopClock = startClock(log, systemClock);
  const stopStats = startServerStats(log, systemClock, () => ({
    connections: connections.size + streams.count,
    rooms: hub.rooms.size,
    deliveries: hub.counts.deliveries,
  }));
  return () => {
    stopClock();
    stopStats();
  };
}

/** Tells whether somebody without a token may do anything. */
function isOpen({ issuers, anonymous }: Config): boolean {
  return anonymous === null ? issuers.length === 0 : anonymous !== "none";
}

/** A browser would keep to TLS for every port of a loopback name, whatever listens there. */
function toAnswerHeaders({ hstsMs, host }: Config): Record<string, string> {
  if (hstsMs === 0 || isLoopback(host)) return {};
  return { "strict-transport-security": `max-age=${Math.floor(hstsMs / 1_000)}` };
}

/** What a WebSocket client is told first. */
function toGreeting({ frameBytesMax, connectionRoomsMax, ...config }: Config) {
  const { usernameLengthMax, messageIdLengthMax } = limits;
  const { historyMessagesMax, heartbeatMs } = limits;
  return {
    limits: {
      frameBytesMax,
      usernameLengthMax,
      messageIdLengthMax,
      connectionRoomsMax,
      historyMessagesMax,
      heartbeatMs,
      messagesPerSecond: config.messagesPerSecond,
      messagesBurst: config.messagesBurst,
    },
    server: { name: "partyline", version },
  };
}

/** Loads the meters when somebody first asks: most servers start without. */
function createMetersOnce(hub: Hub, connections: Set<RoomConnection>, streams: Streams) {
  let meters: Promise<Registry> | undefined;
  const create = async () => {
    const { createMeters } = await import("./telemetry/metrics.ts");
    return createMeters({
      connections: () => ({ websocket: connections.size, sse: streams.count }),
      rooms: () => hub.rooms.size,
      totals: () => hub.counts,
    });
  };
  return () => {
    meters ??= create();
    return meters;
  };
}
