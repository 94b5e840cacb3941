/** The library: Partyline as a server of its own, or as a plugin of an Elysia app. */

import { type AnyElysia, Elysia } from "elysia";
import { type ConfigOverrides, defaultConfig } from "./config.ts";
import { openHouse } from "./house.ts";
import { toWebSocketOptions } from "./http/app.ts";

export { type Config, ConfigError, type ConfigOverrides, defaultConfig } from "./config.ts";
export { type Listening, StartError } from "./http/listen.ts";
export { type ErrorCode, PartylineError } from "./protocol/errors.ts";
export type { GapFrame, Member, MessageFrame, Sender } from "./protocol/frame.ts";
export type { Position } from "./protocol/position.ts";
export { createServer, type PartylineServer } from "./server.ts";

/** The options that an Elysia app needs to serve {@link partyline}: `new Elysia({ websocket })`. */
export function webSocketOptions(overrides: ConfigOverrides = {}) {
  return toWebSocketOptions(defaultConfig(overrides));
}

/**
 * Opens a Partyline whose routes another Elysia app serves. That app's own server decides about host,
 * port, TLS and the options of WebSocket: give it `websocket: webSocketOptions()`.
 * The log is closed when that app stops.
 * @throws StartError, StoreError with a message to show
 */
export async function partyline(overrides: ConfigOverrides = {}): Promise<AnyElysia> {
  const house = await openHouse(defaultConfig(overrides));
  return new Elysia({ name: "partyline" })
    .use(house.app)
    .onStart(({ server }) => {
      if (server !== null) house.attach(server);
    })
    .onStop(() => house.close());
}
