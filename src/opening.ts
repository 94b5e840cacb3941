/** What is opened before a server can listen: folders, the log, the keys. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createAuthenticator } from "./auth/authenticator.ts";
import { KeyError } from "./auth/key-error.ts";
import type { RevocationStore, Revocations } from "./auth/revocations.ts";
import { MemoryBroker } from "./broker/memory.ts";
import { openSqliteBroker } from "./broker/sqlite.ts";
import type { Config } from "./config.ts";
import { Guard } from "./http/guard.ts";
import { StartError } from "./http/listen.ts";
import type { Broker, Clock } from "./hub/ports.ts";
import { createLog, type Log } from "./telemetry/log.ts";
import type { Measures } from "./telemetry/measures.ts";

/** The time of this machine. */
export const systemClock: Clock = {
  now: Date.now,
  after(delayMs, act) {
    const timer = setTimeout(act, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Makes the log that the configuration asks for. */
export function createConfiguredLog({ logLevel, logFormat }: Config): Log {
  const usual = process.stderr.isTTY ? "text" : "json";
  // https://no-color.org: whatever it is set to, unless that is nothing.
  const hasColors = process.stderr.isTTY && !process.env.NO_COLOR;
  return createLog(logLevel, logFormat === "auto" ? usual : logFormat, { hasColors });
}

/** An open log, and where it keeps what was revoked; null where that ends with the process. */
export interface OpenedLog {
  readonly broker: Broker;
  readonly revocationStore: RevocationStore | null;
}

/**
 * Opens the log that the configuration asks for.
 * @throws StoreError, StartError with a message to show
 */
export async function openLog(
  { data, durability, retention }: Config,
  log: Log,
  measures: Measures,
): Promise<OpenedLog> {
  if (durability === "memory") {
    return { broker: new MemoryBroker({ clock: systemClock, retention }), revocationStore: null };
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
  return { broker, revocationStore: broker.revocations };
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
): Promise<Guard> {
  const onFailure = (err: unknown) => log.warn({ err }, "An issuer's keys cannot be fetched.");
  try {
    const authenticator = createAuthenticator(config, revocations, systemClock, onFailure);
    for (const warning of authenticator.warnings) log.warn({}, warning);
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
