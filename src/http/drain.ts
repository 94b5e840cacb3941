/** Leaving: everybody is told when to come back, and nothing under way is torn. */

import type { Serving } from "./listener.ts";
import type { RoomConnection } from "./room-connection.ts";
import type { Streams } from "./sse.ts";

/** Milliseconds that answers under way get to end by themselves. */
const settleMsMax = 2_000;
/** Milliseconds over which clients come back, each at a moment of its own. */
const reconnectSpreadMs = 2_000;
const pollMs = 10;

/** Stops listening, sends everybody away, and closes what is still open after a while. */
export async function drain(
  server: Serving | null,
  connections: ReadonlySet<RoomConnection>,
  streams: Streams,
): Promise<void> {
  // Not awaited: it resolves only when the last socket is closed, which is for us to do.
  const stopped = server?.stop();
  const delay = () => Math.round(250 + Math.random() * reconnectSpreadMs);
  streams.close(delay);
  for (const connection of [...connections]) connection.leaveForDrain(delay());
  if (server === null) return;
  const end = performance.now() + settleMsMax;
  while (server.pendingRequests + server.pendingWebSockets > 0 && performance.now() < end) {
    await Bun.sleep(pollMs);
  }
  await server.stop(true);
  await stopped;
}
