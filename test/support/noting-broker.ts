/** A broker that only notes what is published. */

import type { Draft } from "../../src/hub/message.ts";
import type { Broker } from "../../src/hub/ports.ts";

/** `contents` decodes what was published so far. */
export function createNotingBroker() {
  const drafts: Draft[] = [];
  const none = async () => [];
  const broker: Broker = {
    async start() {},
    async publish(draft) {
      drafts.push(draft);
      return { epoch: "e", offset: drafts.length, duplicate: false };
    },
    listen: async () => ({ epoch: "e", first: 1, last: drafts.length, lastAt: 0 }),
    unlisten() {},
    head: async () => ({ epoch: "e", first: 1, last: drafts.length, lastAt: 0 }),
    read: none,
    readBefore: none,
    rooms: none,
    async forget() {},
    health: () => null,
    async close() {},
  };
  const contents = () => drafts.map(({ body }) => body.kind === "json" && JSON.parse(body.json));
  return { broker, drafts, contents };
}
