/**
 * Partyline with compression of WebSocket messages, for the cases that need it. Bun compresses once a
 * subscriber, so the product has it off; here the composition root is put together by hand.
 */

import { parseArgs } from "node:util";
import { defaultConfig } from "../../src/config.ts";
import { openHouse } from "../../src/house.ts";
import { listen } from "../../src/http/listen.ts";

const { values } = parseArgs({ strict: false, options: { data: { type: "string" } } });
const config = defaultConfig({
  port: 0,
  data: String(values.data),
  durability: "memory",
  logLevel: "silent",
  messagesPerSecond: 0,
  frameBytesMax: 17 * 1_048_576,
  queueBytesMax: 64 * 1_048_576,
});
const house = await openHouse(config);
house.app.config.websocket = { ...house.app.config.websocket, perMessageDeflate: true };
const { server, url } = listen(house.app, config, null);
house.attach(server);
console.log(`listens on ${url}\n/messages`);
