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

/** A plugin whose clients can be sent away before the app that serves it stops. */
export type PartylinePlugin = AnyElysia & {
  /**
   * Lets nobody in any more, tells everybody when to come back, and resolves when they are gone. An app
   * that stops without it waits for its WebSockets for ever, or cuts them.
   */
  drain(): Promise<void>;
};

/**
 * Opens a Partyline whose routes another Elysia app serves. That app's own server decides about host,
 * port, TLS and the options of WebSocket: give it `websocket: webSocketOptions()`.
 * The log is closed when that app stops.
 * @throws StartError, StoreError with a message to show
 */
export async function partyline(overrides: ConfigOverrides = {}): Promise<PartylinePlugin> {
  const house = await openHouse(defaultConfig(overrides));
  const plugin = new Elysia({ name: "partyline" })
    .use(house.app)
    .onStart(({ server }) => {
      if (server !== null) house.attach(server);
    })
    .onStop(() => house.close());
  return Object.assign(plugin, { drain: () => house.leave() });
}
