/** The composition root: Config → broker → hub → http. */

import type { AnyElysia } from "elysia";
import { createOrigins } from "./auth/origin.ts";
import { Revocations } from "./auth/revocations.ts";
import { MemoryBroker } from "./broker/memory.ts";
import type { RedisLink } from "./broker/redis-link.ts";
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
import { Kicks } from "./http/kicks.ts";
import type { Serving } from "./http/listener.ts";
import { Overflow } from "./http/overflow.ts";
import { Renewals } from "./http/renewals.ts";
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
import type { UserQuota } from "./limit/user-quota.ts";
import { createFolder, openGuard, openLog, systemClock } from "./opening.ts";
import { type Colleagues, Overview } from "./overview.ts";
import { limits } from "./protocol/limits.ts";
import { createProcessLog, type Log } from "./telemetry/log.ts";
import { Measures } from "./telemetry/measures.ts";
import type { MeterSnapshots } from "./telemetry/meter-sum.ts";
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
  /**
   * Is told that others listen in its place. From then on answers end their connections, and when it
   * leaves nothing is announced first, and requests under way are let through.
   */
  replace(): void;
  /** Takes down what the meters show. */
  takeMeters(): Promise<MeterSnapshots>;
}

/**
 * Opens the log and puts the routes together.
 * @throws StartError, StoreError with a message to show
 */
export async function openHouse(
  config: Config,
  log: Log = createProcessLog(config),
  colleagues: Colleagues | null = null,
): Promise<House> {
  const [webApp] = await Promise.all([ui(), createFolder("files", config.files)]);
  const measures = new Measures();
  const roll = new Roll(log, measures);
  const opened = await openLog(config, log, measures, colleagues?.warn);
  const { broker, revocationStore, link, shared: nodes } = opened;
  const revocations = new Revocations(systemClock, revocationStore);
  const guard = await openGuard(config, revocations, log, measures, broker, colleagues?.warn);
  const sessions = new Sessions(guard.authenticator, systemClock);
  const systemBroker = createSystemBroker();
  let server: Serving | null = null;
  const overflow = new Overflow();
  const publish = (topic: string, frame: string | Uint8Array) => server?.publish(topic, frame);
  const fanout: Fanout = { publish: (...sent) => overflow.note(publish(...sent)) };
  const { connectionRoomsMax, frameBytesMax, queueBytesMax } = config;
  const hub = createHub(config, measures, { broker, systemBroker, fanout, peers: nodes?.peers });
  await hub.start();
  const drain = createDrain(config, log);
  const admission = createAdmission(config, log, drain, roll, nodes?.quota ?? null, colleagues);
  const kicks = new Kicks(roll, sessions, nodes?.kicks ?? null);
  const renewals = new Renewals(guard, sessions, nodes?.renewals ?? null);
  const streams = new Streams({ hub, log, admission, sessions, measures, roll, queueBytesMax });
  const readiness = createReadiness(drain, admission, broker);
  const shared = { hub, sessions, measures, roll, admission };
  const seen = { ...shared, config, streams, drain, systemBroker, readiness, colleagues };
  const overview = new Overview(seen);
  const answerHeaders = toAnswerHeaders(config);
  const isLocal = () => isLoopback(server?.hostname ?? "");
  const app = createApp({
    ...{ hub, log, streams, revocations, kicks, renewals, version, drain, readiness, overview },
    house: { ...shared, log, guard, connectionRoomsMax, overflow, greeting: toGreeting(config) },
    administrators: new Administrators(guard, () => isPrivate(config) && isLocal()),
    ...{ frameBytesMax, queueBytesMax, answerHeaders },
    bodyLimits: { bytesMax: frameBytesMax, withinMs: config.bodyWithinMs },
    hasTls: hasTls(config),
    pageRules: {
      origins: createOrigins(config.allowOrigin),
      trustsNetwork: () => isOpen(config) && isLocal(),
    },
    pages: [downloads(config.files, guard), docs(), clientScript(), webApp],
  });
  const leave = async () => {
    await drain.leave(roll.websockets, streams);
    overview.watch.close(); // the last to go, so that it shows how the others went
  };
  const close = async () => {
    if (server !== null) await leave();
    if (server !== null) await drain.finish(server, roll.websockets, streams);
    for (const part of [streams, overview, admission, sessions, hub, nodes?.quota]) part?.close();
    for (const part of [nodes?.peers, broker, systemBroker, link]) await part?.close();
  };
  await connect(link, close); // Last: whatever acts when it connects is there now.
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
    replace() {
      drain.replace();
      answerHeaders.connection = "close"; // which HTTP/2 leaves out
    },
    takeMeters: () => overview.takeMeters(),
  };
}

/** @throws StoreError when no Redis can be used; then everything is closed again */
async function connect(link: RedisLink | null, close: () => Promise<void>): Promise<void> {
  try {
    await link?.start();
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** Keeps the `$` rooms. */
function createSystemBroker(): MemoryBroker {
  const retention = { messagesMax: limits.systemRoomMessagesMax, ageMsMax: 0, bytesMax: 0 };
  return new MemoryBroker({ clock: systemClock, retention });
}

function createHub(
  { roomMembersMax, slowReader }: Config,
  counts: Measures,
  outside: Pick<HubOptions, "broker" | "systemBroker" | "fanout" | "peers">,
): Hub {
  const isLatestOnly = toLatestOnly(slowReader);
  return new Hub({ ...outside, clock: systemClock, counts, roomMembersMax, isLatestOnly });
}

function createDrain(config: Config, log: Log): Drain {
  const { drainDelayMs: delayMs, drainWindowMs: windowMs, drainTimeoutMs: timeoutMs } = config;
  return new Drain({ delayMs, windowMs, timeoutMs, log });
}

function createAdmission(
  config: Config,
  log: Log,
  drain: Drain,
  roll: Roll,
  quota: UserQuota | null,
  colleagues: Colleagues | null,
): Admission {
  const now = () => performance.now();
  const publishBytesMax = Math.max(limits.publishBytesMax, 2 * config.frameBytesMax);
  const budget = new PublishBudget(publishBytesMax, now);
  const bodies = new PublishBudget(publishBytesMax, now);
  const shedding = new Shedding({
    ...{ budget, log, now },
    // The machine, or the control group, has room for all workers together.
    memoryBytesMax: config.memoryMax ?? readMemoryMax(colleagues === null ? 1 : config.workers),
    readRss: () => process.memoryUsage.rss(),
    collect: () => Bun.gc(false),
    cutSlowReaders: () => roll.cutSlowReaders(limits.latestWaitBytesMax),
  });
  shedding.start();
  const bounds = toEffectiveLimits(config, readConnectionsMax);
  return new Admission({
    limits: bounds,
    clock: systemClock,
    ...{ now, log, drain, budget, bodies, shedding, quota },
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
