/** What the fault proxy can do to connections. */

import type { UpgradeRefusal } from "./fault-proxy-head.ts";

/** How a connection is ended: in order, in the middle of whatever is said, or by a reset. */
export type Cut = "fin" | "rst";

/** What the proxy does to its connections. All may be changed at any time, and counts from then on. */
export interface Faults {
  /** Milliseconds that bytes take, each way. */
  latencyMs: number;
  /** Milliseconds that they take more at most, by chance. */
  jitterMs: number;
  /** Bytes of one write at most, by chance fewer; 0 for no bound. */
  pieceBytesMax: number;
  /** Milliseconds without a byte either way after which a connection is ended; 0 for never. */
  idleMs: number;
  /** Bytes of the server's after which a connection is ended; 0 for never. */
  truncateAfterBytes: number;
  /** Whether new connections are reset. */
  isRefusing: boolean;
  /** Whether new connections are taken, and then nothing ever passes on them. */
  isDark: boolean;
  /** What becomes of a request for a WebSocket. "strip" sends it on as a plain request. */
  upgrades: "pass" | "swallow" | "strip" | UpgradeRefusal;
  /** Bytes of an event stream that are gathered before any is passed on; Infinity for never. */
  bufferBytes: number;
  /** Whether the head of such a stream's answer is gathered as well. */
  buffersHead: boolean;
}

/** Nothing but a hop more. */
export const faultless: Readonly<Faults> = {
  latencyMs: 0,
  jitterMs: 0,
  pieceBytesMax: 0,
  idleMs: 0,
  truncateAfterBytes: 0,
  isRefusing: false,
  isDark: false,
  upgrades: "pass",
  bufferBytes: 0,
  buffersHead: false,
};
