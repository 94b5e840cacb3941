/** What the errors of Redis mean for whoever asked and for the connection. */

import { PartylineError } from "../protocol/errors.ts";

/** What publishers are told to wait at least. */
const retryAfterMs = 1_000;

/**
 * One fault. `lost` means that this connection is of no use any more: it is gone, or does not lead to
 * the Redis that is in use. `refused` means that Redis takes no writes for now. `passing` is neither.
 * `reason` completes "The Redis at … ", for operators.
 */
export interface RedisFault {
  readonly kind: "lost" | "refused" | "passing";
  readonly reason: string;
}

/** The connection is gone. */
export const closed: RedisFault = { kind: "lost", reason: "closed the connection." };
/** Nothing has come for longer than it may. */
export const silent: RedisFault = { kind: "lost", reason: "does not answer." };
/** Its data is not that which was adopted. */
export const fenced: RedisFault = { kind: "lost", reason: "does not hold what it held before." };
/** It follows another one. */
export const replica: RedisFault = { kind: "lost", reason: "is a replica." };
/** Another node found that messages were lost. */
export const renewed: RedisFault = { kind: "lost", reason: "has begun a new epoch." };
/** What acts when the link connects has failed for no fault of Redis. */
export const unusable: RedisFault = { kind: "lost", reason: "could not be caught up with." };
/** Two connections to one address led to two of them. */
export const divided: RedisFault = {
  kind: "lost",
  reason: "is more than one server behind one address.",
};
/** Somebody sent it SCRIPT FLUSH. */
export const scriptsForgotten: RedisFault = {
  kind: "passing",
  reason: "has forgotten the scripts of Partyline.",
};

/** Nothing can be stored, and no other session gets further until its user may run scripts again. */
const powerless: RedisFault = {
  kind: "lost",
  reason: "does not permit this user what Partyline needs.",
};

/** By the first word of an error that Redis answers with. */
const faults: Readonly<Record<string, RedisFault>> = {
  FENCED: fenced,
  READONLY: replica,
  MASTERDOWN: { kind: "lost", reason: "is a replica that has lost its master." },
  UNBLOCKED: { kind: "lost", reason: "has become a replica." },
  LOADING: { kind: "lost", reason: "is still loading its data." },
  NOAUTH: { kind: "lost", reason: "asks for a password." },
  WRONGPASS: { kind: "lost", reason: "does not accept the user name or password." },
  OOM: { kind: "refused", reason: "has no memory left for messages (maxmemory)." },
  MISCONF: { kind: "refused", reason: "takes no writes, because it cannot write to its disk." },
  NOREPLICAS: { kind: "refused", reason: "takes no writes, because too few replicas follow it." },
  NOSCRIPT: scriptsForgotten,
  BUSY: { kind: "passing", reason: "is busy with a script." },
  NOPERM: { ...powerless, kind: "passing" },
  CLUSTERDOWN: { kind: "passing", reason: "is part of a cluster that is down." },
  TRYAGAIN: { kind: "passing", reason: "is being moved." },
};

/** Says what an error of Redis means; undefined for one that only a defect of ours explains. */
export function toRedisFault(thrown: unknown): RedisFault | undefined {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  if (code !== "ERR_REDIS_SERVER_ERROR") {
    // Bun's client has codes for what ends a connection, and for nothing else that can happen here.
    return String(code).startsWith("ERR_REDIS_") ? closed : undefined;
  }
  const text = thrown instanceof Error ? thrown.message : "";
  if (text.startsWith("ERR WAIT cannot")) return faults.UNBLOCKED;
  if (text.startsWith("ERR The user executing the script can't")) return faults.NOPERM;
  if (/^NOPERM .*'evalsha'/.test(text)) return powerless;
  return faults[/^[A-Z]+/.exec(text)?.[0] ?? ""];
}

/** What clients are told of a fault: no more than that it is not theirs. */
export class RedisUnavailable extends PartylineError {
  readonly fault: RedisFault;

  constructor(fault: RedisFault) {
    const what = fault.kind === "refused" ? "takes no messages now" : "cannot be reached";
    super("unavailable", `The message store ${what}.`, retryAfterMs);
    this.fault = fault;
  }
}

/** A fault as something to throw, where it concerns the connection and no client. */
export class RedisFaultError extends Error {
  readonly fault: RedisFault;

  constructor(fault: RedisFault) {
    super(`Redis ${fault.reason}`);
    this.name = "RedisFaultError";
    this.fault = fault;
  }
}
