/** `$clock`: the server's time, once a second. */

import { createMessageId } from "../hub/message.ts";
import type { Broker, Clock } from "../hub/ports.ts";

/** Publishes the time on each full second, until the returned function is called. */
export function startClock(broker: Broker, clock: Clock): () => void {
  const from = { id: "$clock", name: "clock" };
  let cancel = () => {};
  const schedule = () => {
    cancel = clock.after(1000 - (clock.now() % 1000), () => {
      const at = clock.now();
      const time = { timestamp: at, iso: new Date(at).toISOString() };
      const body = { kind: "json", json: JSON.stringify(time) } as const;
      void broker.publish({ room: "$clock", id: createMessageId(), from, at, body });
      schedule();
    });
  };
  schedule();
  return () => cancel();
}
