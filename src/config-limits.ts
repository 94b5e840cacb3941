/** The part of the configuration that bounds what each may use. */

import type { Settings } from "./config-keys.ts";
import { type Network, parseNetwork } from "./limit/network.ts";

/** Times are milliseconds. 0 means no such bound, in all but the bursts and `connectionRoomsMax`. */
export interface LimitConfig {
  /** `cut`, `drop-to-latest`, or that with `:` and patterns of rooms between commas. */
  readonly slowReader: string;
  /** WebSocket frames of one user, and how many at once. An anonymous user is its connection. */
  readonly messagesPerSecond: number;
  readonly messagesBurst: number;
  /** HTTP publishes of one address, and how many at once. */
  readonly publishesPerSecond: number;
  readonly publishesBurst: number;
  /** Rooms that one address may begin. */
  readonly roomsPerHour: number;
  readonly roomMembersMax: number;
  readonly connectionRoomsMax: number;
  /** Null leaves it to the system's limit of open files. */
  readonly connectionsMax: number | null;
  /** Null means three quarters of all. */
  readonly connectionsPerAddress: number | null;
  readonly connectionsPerUser: number;
  /** Bytes; null leaves it to the machine and the control group. */
  readonly memoryMax: number | null;
  readonly speakWithinMs: number;
  readonly idleTimeoutMs: number;
  readonly bodyWithinMs: number;
  /** How a server that stops leaves; 0 means no delay, all clients back at once, everything cut. */
  readonly drainDelayMs: number;
  readonly drainWindowMs: number;
  readonly drainTimeoutMs: number;
  /** Addresses and networks between commas; null when no proxy is trusted. */
  readonly trustProxy: string | null;
}

export function toLimitConfig(settings: Settings): LimitConfig {
  return {
    slowReader: settings["slow-reader"],
    messagesPerSecond: settings["messages-per-second"],
    messagesBurst: settings["messages-burst"],
    publishesPerSecond: settings["publishes-per-second"],
    publishesBurst: settings["publishes-burst"],
    roomsPerHour: settings["rooms-per-hour"],
    roomMembersMax: settings["room-members-max"],
    connectionRoomsMax: settings["connection-rooms-max"],
    connectionsMax: settings["connections-max"],
    connectionsPerAddress: settings["connections-per-address"],
    connectionsPerUser: settings["connections-per-user"],
    memoryMax: settings["memory-max"],
    speakWithinMs: settings["speak-within"],
    idleTimeoutMs: settings["idle-timeout"],
    bodyWithinMs: settings["body-within"],
    drainDelayMs: settings["drain-delay"],
    drainWindowMs: settings["drain-window"],
    drainTimeoutMs: settings["drain-timeout"],
    trustProxy: settings["trust-proxy"],
  };
}

/** The bounds with every unset one worked out. `openMax` is how many connections the system allows. */
export function toEffectiveLimits(config: LimitConfig, openMax: () => number) {
  const connectionsMax = config.connectionsMax ?? openMax();
  // So that one address alone never keeps everybody else out.
  const share = Math.ceil(connectionsMax * 0.75);
  return {
    ...config,
    connectionsMax,
    connectionsPerAddress: config.connectionsPerAddress ?? share,
    trustedProxies: toNetworks(config.trustProxy),
  };
}

function toNetworks(text: string | null): Network[] {
  const networks = (text ?? "").split(",").map((each) => parseNetwork(each.trim()));
  return networks.filter((network) => network !== null);
}
