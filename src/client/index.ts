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
 * @throws TypeError when `url` is none
 */
export function connect(url?: string | URL, options: ConnectOptions = {}): Line {
  return new OpenLine(toBase(url), options);
}

/** The address that all others are relative to: it ends in a slash. */
function toBase(url: string | URL | undefined): string {
  const page = globalThis.location?.href;
  const { origin, pathname } = new URL(url ?? ".", url ? page : import.meta.url);
  return (origin + pathname).replace(/^ws/, "http").replace(/\/*$/, "/");
}
