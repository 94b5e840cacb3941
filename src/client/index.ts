/** The client: a line to a Partyline server that never loses its place. Nothing else is public. */

import type { ConnectOptions, Line } from "./contract.ts";
import { OpenLine } from "./line.ts";

export type { ErrorCode } from "../protocol/errors.ts";
export type { Member, Sender } from "../protocol/frame.ts";
export type {
  ConnectOptions,
  Gap,
  History,
  Joined,
  JoinOptions,
  Line,
  LineEvents,
  LineState,
  Message,
  Presence,
  Room,
  RoomEvents,
  Signal,
  Transport,
  Welcome,
} from "./contract.ts";
export { LineError } from "./line-error.ts";

/**
 * Opens a line, which comes back by itself until it is closed. `url` is where the server is, by
 * http(s) or ws(s), below a path or not; in a browser it may be relative. Left out, it is where this
 * module came from.
 * @throws TypeError when that is no such address
 */
export function connect(url?: string | URL, options: ConnectOptions = {}): Line {
  // The address that all others are relative to: it ends in a slash.
  const from = url ? globalThis.location?.href : import.meta.url;
  const { origin, pathname } = new URL(url ?? ".", from);
  // What has no origin, such as "localhost:8080" or a file, is no address here either.
  const base = (origin + pathname).replace(/^ws/, "http").replace(/\/*$/, "/");
  return new OpenLine(new URL(base).href, options);
}
