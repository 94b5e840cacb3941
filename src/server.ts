/** The composition root: Config → broker → hub → http. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Server } from "bun";
import type { AnyElysia } from "elysia";
import type { Registry } from "prom-client";
import { MemoryBroker } from "./broker/memory.ts";
import { openSqliteBroker } from "./broker/sqlite.ts";
import type { Config } from "./config.ts";
import { startClock } from "./feeds/clock.ts";
import { startServerStats } from "./feeds/server-stats.ts";
import { createApp } from "./http/app.ts";
import { loadCertificate } from "./http/certificate.ts";
import type { Connection } from "./http/connection.ts";
import { docs } from "./http/docs.ts";
import { downloads } from "./http/downloads.ts";
import { drain } from "./http/drain.ts";
import { type Listening, listen, StartError } from "./http/listen.ts";
import { Streams } from "./http/sse.ts";
import { ui } from "./http/ui.ts";
import { Hub } from "./hub/hub.ts";
import type { Broker, Clock, Fanout } from "./hub/ports.ts";
import { limits } from "./protocol/limits.ts";
import { createLog, type Log } from "./telemetry/log.ts";
import { version } from "./version.ts";

/** A server that was put together. Both calls may be made once. */
export interface PartylineServer {
  /** @throws StartError, StoreError, ConfigError with a message to show */
  start(): Promise<Listening>;
  /** Sends everybody away, stores what is under way, closes everything in reverse order. */
  stop(): Promise<void>;
  /** Logs a defect that nobody caught. */
  report(defect: unknown): void;
}

const systemClock: Clock = {
  now: Date.now,
  after(delayMs, act) {
    const timer = setTimeout(act, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Everything but the listening: for a server of our own, or inside somebody else's. */
export interface House {
  /** The routes, as a plugin. */
  readonly app: AnyElysia;
  /** Tells which server to publish through, once it listens. */
  attach(server: Server<unknown>): void;
  /** Sends everybody away from the attached server, then closes everything in reverse order. */
  close(): Promise<void>;
}

/** Puts a server together from a configuration. Nothing is opened before `start`. */
export function createServer(config: Config): PartylineServer {
  const log = createConfiguredLog(config);
  let house: House | undefined;
  return {
    async start() {
      const certificate = await loadCertificate(config);
      house = await openHouse(config, log);
      try {
        const listening = listen(house.app, config, certificate);
        house.attach(listening.server);
        return listening;
      } catch (thrown) {
        await house.close();
        throw thrown;
      }
    },
    async stop() {
      await house?.close();
    },
    report(defect) {
      log.error({ err: defect }, "A defect that nobody caught.");
    },
  };
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
  const pages = [downloads(config.files), docs(), await ui()];
  const broker = await openBroker(config, log);
  const systemBroker = new MemoryBroker({
    clock: systemClock,
    retention: { messagesMax: limits.systemRoomMessagesMax, ageMsMax: 0, bytesMax: 0 },
  });
  let server: Server<unknown> | null = null;
  const fanout: Fanout = { publish: (topic, frame) => void server?.publish(topic, frame) };
  const hub = new Hub({ broker, systemBroker, fanout, clock: systemClock });
  await hub.start();
  const streams = new Streams(hub, log, config);
  const connections = new Set<Connection>();
  let isDraining = false;
  const app = createApp({
    hub,
    log,
    streams,
    version,
    house: { hub, log, connections, greeting: toGreeting(config) },
    readiness: () => (isDraining ? "draining" : null),
    meters: createMetersOnce(hub, connections, streams),
    frameBytesMax: config.frameBytesMax,
    queueBytesMax: config.queueBytesMax,
    hasTls: config.tlsCert !== null || config.tlsSelfSigned,
    pages,
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
      await drain(server, connections, streams);
      hub.close();
      await broker.close();
      await systemBroker.close();
    },
  };
}

function startFeeds(hub: Hub, log: Broker, connections: Set<Connection>, streams: Streams) {
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

/** The log that the configuration asks for. */
async function openBroker({ data, durability, retention }: Config, log: Log): Promise<Broker> {
  if (durability === "memory") return new MemoryBroker({ clock: systemClock, retention });
  await createFolder("data", data);
  const path = join(data, "partyline.db");
  const onFailure = (err: unknown) => log.error({ err }, "The message store failed.");
  return openSqliteBroker({ path, durability, retention, clock: systemClock, onFailure });
}

async function createFolder(key: string, path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (thrown) {
    const reason = thrown instanceof Error && "code" in thrown ? ` (${thrown.code})` : "";
    throw new StartError(`The folder ${path} (${key}) cannot be created${reason}.`);
  }
}

function createConfiguredLog({ logLevel, logFormat }: Config): Log {
  const usual = process.stderr.isTTY ? "text" : "json";
  return createLog(logLevel, logFormat === "auto" ? usual : logFormat);
}

/** What a WebSocket client is told first. */
function toGreeting({ frameBytesMax }: Config) {
  const { usernameLengthMax, messageIdLengthMax, connectionRoomsMax } = limits;
  const { historyMessagesMax, heartbeatMs } = limits;
  return {
    limits: {
      frameBytesMax,
      usernameLengthMax,
      messageIdLengthMax,
      connectionRoomsMax,
      historyMessagesMax,
      heartbeatMs,
    },
    server: { name: "partyline", version },
  };
}

/** Loads the meters when somebody first asks: most servers start without. */
function createMetersOnce(hub: Hub, connections: Set<Connection>, streams: Streams) {
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
