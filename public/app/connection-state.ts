/** How a page stands with its server, in the terms in which it is shown. */

import type { LineState, Transport } from "../../src/client/contract.ts";

/**
 * How the connection stands. `retryAt` is in milliseconds since 1970; `transport` is what it runs
 * over, where there is a choice. Without a token that the server takes it is barred, and does not try
 * again by itself.
 */
export type ConnectionState =
  | { readonly kind: "connecting" }
  | { readonly kind: "open"; readonly transport?: Transport }
  | { readonly kind: "waiting"; readonly reason: string; readonly retryAt: number }
  | { readonly kind: "barred"; readonly reason: string };

/** What is said to somebody who has given no token yet. */
export const tokenNeeded = "Only people with a token may look inside.";

/** Shows how a line stands. `hasToken` tells whether it was given a token at all. */
export function toConnectionState(state: LineState, hasToken: boolean): ConnectionState {
  switch (state.name) {
    case "connecting":
      return { kind: "connecting" };
    case "open":
      return { kind: "open", transport: state.transport };
    case "waiting": {
      const reason = navigator.onLine ? state.reason : "You are offline.";
      return { kind: "waiting", reason, retryAt: state.retryAt };
    }
    case "closed":
      // Of somebody who has not given a token nothing was refused.
      return { kind: "barred", reason: hasToken ? state.reason : tokenNeeded };
  }
}
