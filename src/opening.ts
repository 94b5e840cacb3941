/** What is opened before a server can listen: folders, the log, the keys. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createAuthenticator } from "./auth/authenticator.ts";
import { KeyError } from "./auth/key-error.ts";
import { type RevocationStore, type Revocations, revocationsMax } from "./auth/revocations.ts";
import { MemoryBroker } from "./broker/memory.ts";
import { RedisBroker } from "./broker/redis.ts";
import { parseRedisAddresses } from "./broker/redis-address.ts";
import { RedisControl } from "./broker/redis-control.ts";
import { RedisKicks } from "./broker/redis-kicks.ts";
import type { RedisLink } from "./broker/redis-link.ts";
import { RedisPeers } from "./broker/redis-peers.ts";
import { RedisQuestions } from "./broker/redis-questions.ts";
import { RedisQuota } from "./broker/redis-quota.ts";
import { createRedisLink } from "./broker/redis-reconnection.ts";
import { RedisRenewals } from "./broker/redis-renewals.ts";
import { RedisRevocations } from "./broker/redis-revocations.ts";
import { openSqliteBroker } from "./broker/sqlite.ts";
import type { Config } from "./config.ts";
import { Guard } from "./http/guard.ts";
import { StartError } from "./http/listen.ts";
import type { Broker, Clock, Peers } from "./hub/ports.ts";
import { limits } from "./protocol/limits.ts";
import { FaultLines } from "./telemetry/fault-lines.ts";
import type { Log } from "./telemetry/log.ts";
import type { Measures } from "./telemetry/measures.ts";

/** The time of this machine. */
export const systemClock: Clock = {
  now: Date.now,
  after(delayMs, act) {
    const timer = setTimeout(act, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Takes what operators should know before it happens, a sentence. */
type Warn = (sentence: string) => void;

/** An open log, and where it keeps what was revoked; null where that ends with the process. */
export interface OpenedLog {
  readonly broker: Broker;
  readonly revocationStore: RevocationStore | null;
  /**
   * The link to a Redis that is shared; null where there is none. It is not started: whatever acts
   * when it connects comes first. It is closed last.
   */
  readonly link: RedisLink | null;
  /** What must hold on all nodes that share it, and these themselves; null where there is none. */
  readonly shared: {
    readonly kicks: RedisKicks;
    readonly renewals: RedisRenewals;
    readonly quota: RedisQuota;
    readonly peers: Peers;
  } | null;
}

/**
 * Opens the log that the configuration asks for.
 * @throws StoreError, StartError with a message to show
 */
export async function openLog(
  config: Config,
  log: Log,
  measures: Measures,
  warn: Warn = (sentence) => log.warn({}, sentence),
): Promise<OpenedLog> {
  const { data, durability, retention } = config;
  if (config.redis !== null) return openSharedLog(config, config.redis, log, measures, warn);
  if (durability === "memory") {
    const broker = new MemoryBroker({ clock: systemClock, retention });
    return { broker, revocationStore: null, link: null, shared: null };
  }
  await createFolder("data", data);
  const path = join(data, "partyline.db");
  const broker = await openSqliteBroker({
    ...{ path, durability, retention, clock: systemClock },
    onBreak: (fault) => {
      measures.storeFailures += 1;
      // A fault of the disk is no defect: the place in the source would tell nobody anything.
      const { kind, message, code } = fault;
      log.error({ kind, code }, `The message store cannot be written to. ${message}`);
    },
    onHeal(outageMs) {
      log.warn({ outageMs }, `The message store is written to again, after ${outageMs} ms.`);
    },
    onFailure: (err) => {
      measures.storeFailures += 1;
      log.error({ err }, "The message store failed.");
    },
    onCommit: (messages, ms) => measures.countCommit(messages, ms),
  });
  return { broker, revocationStore: broker.revocations, link: null, shared: null };
}

/** Close to its bound of memory a Redis may refuse and take messages by turns: that is one outage. */
const refusalSettleMs = 5_000;

/** Puts a log in Redis together. Nothing is connected to yet. */
function openSharedLog(
  { retention, redisPrefix: prefix, redisReplicas: replicas, ...config }: Config,
  urls: string,
  log: Log,
  measures: Measures,
  onWarning: Warn,
): OpenedLog {
  const addresses = parseRedisAddresses(urls);
  if (addresses === undefined) throw new StartError("redis names no Redis that is understood.");
  const refusals = new FaultLines({
    ...{ clock: systemClock, settleMs: refusalSettleMs },
    onBegin: (sentence) => log.error({}, sentence),
    onEnd: (ms) => log.warn({ outageMs: ms }, `Redis takes messages again, after ${ms} ms.`),
  });
  const link = createRedisLink({
    ...{ addresses, prefix, clock: systemClock },
    onBreak(reason) {
      refusals.forget();
      measures.storeFailures += 1;
      log.error({}, `The link to Redis is broken. ${reason}`);
    },
    onHeal(outageMs, place) {
      log.warn({ outageMs, place }, `The link to Redis is up again, after ${outageMs} ms.`);
    },
    onRefusal(sentence) {
      measures.storeFailures += 1;
      refusals.begin(sentence);
    },
    onAcceptance: () => refusals.end(),
    onWarning,
    onFailure: (err) => {
      measures.storeFailures += 1;
      log.error({ err }, "The message store failed.");
    },
  });
  const { presenceGraceMs: graceMs } = limits;
  const peers = new RedisPeers({
    ...{ link, clock: systemClock, leaseMs: config.redisLeaseMs, graceMs },
    goodbyeMs: config.drainWindowMs + graceMs,
    onFailure: (err) => log.error({ err }, "What other nodes tell cannot be understood."),
  });
  const control = new RedisControl(link);
  const revocationStore = new RedisRevocations({ link, control, max: revocationsMax, replicas });
  const questions = new RedisQuestions(link, control);
  const kicks = new RedisKicks(link, control, questions);
  const renewals = new RedisRenewals(link, control, questions);
  const quota = new RedisQuota(link, control, systemClock);
  const onCommit = (messages: number, ms: number) => measures.countCommit(messages, ms);
  const broker = new RedisBroker({ link, retention, clock: systemClock, replicas, onCommit });
  return { broker, revocationStore, link, shared: { kicks, renewals, quota, peers } };
}

/**
 * Loads the keys; closes the log again when one cannot be used.
 * @throws StartError with a message to show
 */
export async function openGuard(
  config: Config,
  revocations: Revocations,
  log: Log,
  measures: Measures,
  broker: Broker,
  warn: Warn = (sentence) => log.warn({}, sentence),
): Promise<Guard> {
  const onFailure = (err: unknown) => log.warn({ err }, "An issuer's keys cannot be fetched.");
  try {
    const authenticator = createAuthenticator(config, revocations, systemClock, onFailure);
    for (const warning of authenticator.warnings) warn(warning);
    return new Guard(authenticator, ({ reason }) => {
      measures.tokenFailures += 1;
      log.debug({ reason }, "a token was refused");
    });
  } catch (thrown) {
    await broker.close();
    throw thrown instanceof KeyError ? new StartError(thrown.message) : thrown;
  }
}

/**
 * Makes a folder where it is missing. `key` is its name in the configuration.
 * @throws StartError with a message to show
 */
export async function createFolder(key: string, path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (thrown) {
    const reason = thrown instanceof Error && "code" in thrown ? ` (${thrown.code})` : "";
    throw new StartError(`The folder ${path} (${key}) cannot be created${reason}.`);
  }
}
