/** How the connection stands, and what it tells. */

import type { HeardFrame, Outgoing } from "./wire.ts";

/**
 * How the connection stands. `retryAt` is in milliseconds since 1970. Without a token that the
 * server takes it is barred, and does not try again by itself.
 */
export type ConnectionState =
  | { readonly kind: "connecting" }
  | { readonly kind: "open" }
  | { readonly kind: "waiting"; readonly reason: string; readonly retryAt: number }
  | { readonly kind: "barred"; readonly reason: string };

/** What a connection tells. `onFrame` hears every frame, `onOutgoing` every change of our messages. */
export interface ConnectionListener {
  onState(state: ConnectionState): void;
  onFrame(frame: HeardFrame): void;
  onOutgoing(outgoing: Outgoing): void;
}

/** What is said to somebody who has given no token yet. */
export const tokenNeeded = "Only people with a token may look inside.";

const closeReasons: Record<number, string> = {
  0: "The server stopped answering.",
  1011: "The server had a problem.",
  1012: "The server is restarting.",
  1013: "The server is full right now.",
};

/** Says why a connection ended. `wasOpen` tells it from one that never began. */
export function describeClose(code: number, wasOpen: boolean): string {
  if (!navigator.onLine) return "You are offline.";
  const other = wasOpen ? "The connection was cut." : "The server does not answer.";
  return closeReasons[code] ?? other;
}
