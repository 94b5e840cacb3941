/** The composition root: Config → broker → hub → http. */

import type { AnyElysia } from "elysia";
import { createOrigins } from "./auth/origin.ts";
import { Revocations } from "./auth/revocations.ts";
import { MemoryBroker } from "./broker/memory.ts";
import type { Config } from "./config.ts";
import { toEffectiveLimits } from "./config-limits.ts";
import { hasTls } from "./config-tls.ts";
import { isLoopback } from "./config-value.ts";
import { Administrators } from "./http/administrators.ts";
import { Admission } from "./http/admission.ts";
import { createApp } from "./http/app.ts";
import { clientScript } from "./http/client-script.ts";
import { docs } from "./http/docs.ts";
import { downloads } from "./http/downloads.ts";
import { Drain } from "./http/drain.ts";
import type { Readiness } from "./http/health.ts";
import type { Serving } from "./http/listener.ts";
import { Overflow } from "./http/overflow.ts";
import { Roll } from "./http/roll.ts";
import { Sessions } from "./http/sessions.ts";
import { Shedding } from "./http/shedding.ts";
import { Streams } from "./http/sse.ts";
import { ui } from "./http/ui.ts";
import { Hub, type HubOptions } from "./hub/hub.ts";
import type { Broker, Fanout } from "./hub/ports.ts";
import { readMemoryMax } from "./limit/memory-max.ts";
import { readConnectionsMax } from "./limit/open-files.ts";
import { PublishBudget } from "./limit/publish-budget.ts";
import { toLatestOnly } from "./limit/slow-reader.ts";
import { createConfiguredLog, createFolder, openGuard, openLog, systemClock } from "./opening.ts";
import { Overview } from "./overview.ts";
import { limits } from "./protocol/limits.ts";
import type { Log } from "./telemetry/log.ts";
import { Measures } from "./telemetry/measures.ts";
import { version } from "./version.ts";

/** Everything but the listening: for a server of our own, or inside somebody else's. */
export interface House {
  /** The routes, as a plugin. */
  readonly app: AnyElysia;
  /** Tells which server to publish through, once it listens. */
  attach(server: Serving): void;
  /** Lets nobody in any more, sends everybody away, and resolves when they are gone. */
  leave(): Promise<void>;
  /** Does that, then closes the attached server and everything else in reverse order. */
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
  const measures = new Measures();
  const roll = new Roll(log, measures);
  const { broker, revocationStore } = await openLog(config, log, measures);
  const revocations = new Revocations(systemClock, revocationStore);
  const guard = await openGuard(config, revocations, log, measures, broker);
  const sessions = new Sessions(guard.authenticator, systemClock);
  const systemBroker = createSystemBroker();
  let server: Serving | null = null;
  const overflow = new Overflow();
  const publish = (topic: string, frame: string | Uint8Array) => server?.publish(topic, frame);
  const fanout: Fanout = { publish: (...sent) => overflow.note(publish(...sent)) };
  const { connectionRoomsMax, frameBytesMax, queueBytesMax } = config;
  const hub = createHub(config, measures, { broker, systemBroker, fanout });
  await hub.start();
  const drain = createDrain(config, log);
  const admission = createAdmission(config, log, drain, roll);
  const streams = new Streams({ hub, log, admission, sessions, measures, roll, queueBytesMax });
  const readiness = createReadiness(drain, admission, broker);
  const shared = { hub, sessions, measures, roll, admission };
  const overview = new Overview({ ...shared, config, streams, systemBroker, readiness });
  const isLocal = () => isLoopback(server?.hostname ?? "");
  const app = createApp({
    ...{ hub, log, streams, revocations, version, drain, readiness, overview },
    house: {
      ...{ ...shared, log, guard, connectionRoomsMax, overflow },
      greeting: toGreeting(config),
    },
    administrators: new Administrators(guard, () => isPrivate(config) && isLocal()),
    frameBytesMax,
    queueBytesMax,
    bodyLimits: { bytesMax: frameBytesMax, withinMs: config.bodyWithinMs },
    hasTls: hasTls(config),
    pageRules: {
      origins: createOrigins(config.allowOrigin),
      trustsNetwork: () => isOpen(config) && isLocal(),
    },
    answerHeaders: toAnswerHeaders(config),
    pages: [downloads(config.files, guard), docs(), clientScript(), webApp],
  });
  const leave = async () => {
    await drain.leave(roll.websockets, streams);
    overview.watch.close(); // the last to go, so that it shows how the others went
  };
  const close = async () => {
    if (server !== null) await leave();
    if (server !== null) await drain.finish(server, roll.websockets, streams);
    for (const part of [streams, overview, admission, sessions, hub]) part.close();
    for (const log of [broker, systemBroker]) await log.close();
  };
  let closed: Promise<void> | undefined;
  return {
    app,
    attach(attached) {
      server = attached;
    },
    leave,
    close() {
      closed ??= close();
      return closed;
    },
  };
}

/** Keeps the `$` rooms. */
function createSystemBroker(): MemoryBroker {
  const retention = { messagesMax: limits.systemRoomMessagesMax, ageMsMax: 0, bytesMax: 0 };
  return new MemoryBroker({ clock: systemClock, retention });
}

function createHub(
  { roomMembersMax, slowReader }: Config,
  counts: Measures,
  outside: Pick<HubOptions, "broker" | "systemBroker" | "fanout">,
): Hub {
  const isLatestOnly = toLatestOnly(slowReader);
  return new Hub({ ...outside, clock: systemClock, counts, roomMembersMax, isLatestOnly });
}

function createDrain(config: Config, log: Log): Drain {
  const { drainDelayMs: delayMs, drainWindowMs: windowMs, drainTimeoutMs: timeoutMs } = config;
  return new Drain({ delayMs, windowMs, timeoutMs, log });
}

function createAdmission(config: Config, log: Log, drain: Drain, roll: Roll): Admission {
  const now = () => performance.now();
  const publishBytesMax = Math.max(limits.publishBytesMax, 2 * config.frameBytesMax);
  const budget = new PublishBudget(publishBytesMax, now);
  const bodies = new PublishBudget(publishBytesMax, now);
  const shedding = new Shedding({
    ...{ budget, log, now },
    memoryBytesMax: config.memoryMax ?? readMemoryMax(),
    readRss: () => process.memoryUsage.rss(),
    collect: () => Bun.gc(false),
    cutSlowReaders: () => roll.cutSlowReaders(limits.latestWaitBytesMax),
  });
  shedding.start();
  const bounds = toEffectiveLimits(config, readConnectionsMax);
  return new Admission({
    limits: bounds,
    clock: systemClock,
    ...{ now, log, drain, budget, bodies, shedding },
  });
}

/** The reasons why load balancers should send nobody here, the one that lasts longest first. */
function createReadiness(drain: Drain, { shedding }: Admission, broker: Broker): Readiness {
  return () => {
    if (drain.isAnnounced) return "draining";
    return broker.health() ?? (shedding.level === 3 ? "overloaded" : null);
  };
}

/** Tells whether somebody without a token may do anything. */
function isOpen({ issuers, anonymous }: Config): boolean {
  return anonymous === null ? issuers.length === 0 : anonymous !== "none";
}

/** Tells whether nobody could prove to be an administrator, and whoever is there may do the rest. */
function isPrivate({ issuers, anonymous, trustProxy }: Config): boolean {
  return issuers.length === 0 && anonymous === null && trustProxy === null;
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
