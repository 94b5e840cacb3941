/** `$server`: how the server is doing, once a second. */

import { createMessageId } from "../hub/message.ts";
import type { Broker, Clock } from "../hub/ports.ts";

/** What the server counts. `deliveries` is a total since the start. */
export interface ServerNumbers {
  readonly connections: number;
  readonly rooms: number;
  readonly deliveries: number;
}

/** Publishes once a second, until the returned function is called. */
export function startServerStats(
  broker: Broker,
  clock: Clock,
  read: () => ServerNumbers,
): () => void {
  const from = { id: "$server", name: "server" };
  let cancel = () => {};
  let before = { at: clock.now(), deliveries: read().deliveries, cpu: process.cpuUsage() };
  const publish = () => {
    const at = clock.now();
    const elapsedMs = Math.max(1, at - before.at);
    const { connections, rooms, deliveries } = read();
    const { user, system } = process.cpuUsage(before.cpu);
    const stats = {
      timestamp: at,
      connections,
      rooms,
      deliveriesPerSecond: Math.round(((deliveries - before.deliveries) * 1000) / elapsedMs),
      rssBytes: process.memoryUsage.rss(),
      // Cores in use: 1 is one core all the time.
      cpu: Math.round((user + system) / elapsedMs) / 1000,
    };
    before = { at, deliveries, cpu: process.cpuUsage() };
    const body = { kind: "json", json: JSON.stringify(stats) } as const;
    void broker.publish({ room: "$server", id: createMessageId(), from, at, body });
    cancel = clock.after(1000, publish);
  };
  cancel = clock.after(1000, publish);
  return () => cancel();
}
