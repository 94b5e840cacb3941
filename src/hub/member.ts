/** A WebSocket connection as a room sees it. */

import type { Sender } from "../protocol/frame.ts";
import type { Reader } from "./catch-up.ts";
import type { Observer, Room } from "./room.ts";

/** Whoever joined a room over WebSocket. */
export interface Member extends Reader, Observer {
  readonly user: Sender;
  /**
   * True when it subscribes to no topic, for what goes there is for all alike, but observes the room:
   * when it may not hear who comes and goes, or only the newest message counts.
   */
  observes(room: Room): boolean;
  /** True when it wants messages with bytes as binary frames. */
  isBinary(room: Room): boolean;
}
