/** `GET /rooms`, `/rooms/:room`, `/rooms/:room/members`: what rooms there are, and who is in them. */

import { Elysia, t } from "elysia";
import type { Hub } from "../hub/hub.ts";
import type { LoggedRoom } from "../hub/ports.ts";
import { PartylineError } from "../protocol/errors.ts";
import { limits } from "../protocol/limits.ts";
import { formatPosition } from "../protocol/position.ts";
import { assertMay, type Guard } from "./guard.ts";
import type { Shedding } from "./shedding.ts";

/** A room as it is listed. `lastActivityAt` is milliseconds since 1970, null before any message. */
interface ListedRoom {
  readonly room: string;
  readonly members: number;
  readonly observers: number;
  readonly lastActivityAt: number | null;
  readonly position: string;
}

const listQuery = t.Object({
  after: t.Optional(t.String({ description: "Rooms whose name comes after this one." })),
  limit: t.Optional(t.String({ description: "1 to 500; 500 if absent." })),
  access_token: t.Optional(t.String({ description: "A token, where no header can be sent." })),
});

export function rooms(hub: Hub, guard: Guard, shedding: Shedding) {
  return new Elysia({ name: "rooms" })
    .get(
      "/rooms",
      async ({ query, request }) => {
        const { grant, token } = await guard.identify(request);
        if (token === null && guard.authenticator.needsToken) {
          throw new PartylineError("unauthenticated", "A token is needed to list rooms.");
        }
        const roomsMax = readRoomsMax(query.limit);
        shedding.assertMayRead();
        const isReadable = (room: string) => grant.may("read", room);
        const found = await findRooms(hub, query.after ?? "", roomsMax, isReadable);
        const { next } = found;
        const rooms = found.rooms.map((room) => describe(hub, room));
        return Response.json({ rooms, more: next !== null, next });
      },
      { query: listQuery, detail: { summary: "List rooms", tags: ["rooms"] } },
    )
    .get(
      "/rooms/:room",
      async ({ params, request }) => {
        const room = assertMay(await guard.identify(request), "read", params.room);
        const head = await hub.logOf(room).head(room);
        return Response.json(describe(hub, { room, ...head }));
      },
      { detail: { summary: "Describe a room", tags: ["rooms"] } },
    )
    .delete(
      "/rooms/:room",
      async ({ params, request }) => {
        await hub.forget(assertMay(await guard.identify(request), "admin", params.room));
        return new Response(null, { status: 204 });
      },
      { detail: { summary: "Forget a room's messages", tags: ["rooms"] } },
    )
    .get(
      "/rooms/:room/members",
      async ({ params, request }) => {
        const room = assertMay(await guard.identify(request), "presence", params.room);
        return Response.json(hub.membersOf(room));
      },
      { detail: { summary: "List a room's members", tags: ["rooms"] } },
    );
}

/** Rooms looked at for one answer: whoever may read few of them goes on from `next`. */
const pagesMax = 20;

/** The first rooms above a name that may be read, and the name to go on from; null at the end. */
async function findRooms(
  hub: Hub,
  after: string,
  roomsMax: number,
  isReadable: (room: string) => boolean,
): Promise<{ rooms: LoggedRoom[]; next: string | null }> {
  const rooms: LoggedRoom[] = [];
  let next = after;
  for (let page = 0; page < pagesMax; page += 1) {
    const listed = await listRooms(hub, next, limits.listedRoomsMax);
    for (const room of listed) {
      if (rooms.length === roomsMax) return { rooms, next };
      next = room.room;
      if (isReadable(next)) rooms.push(room);
    }
    if (listed.length < limits.listedRoomsMax) return { rooms, next: null };
  }
  return { rooms, next };
}

/** Rooms by name: those with messages, those with somebody in them, and the server's own. */
async function listRooms(hub: Hub, after: string, roomsMax: number): Promise<LoggedRoom[]> {
  const found = new Map<string, LoggedRoom>();
  for (const log of [hub.logOf("$"), hub.logOf("")]) {
    for (const room of await log.rooms(after, roomsMax)) found.set(room.room, room);
  }
  for (const { name, epoch, last } of hub.rooms.values()) {
    if (name <= after || found.has(name)) continue;
    found.set(name, { room: name, epoch, first: 1, last, lastAt: 0 });
  }
  // Code-unit order, as the brokers have it, so that paging by name skips nothing.
  const sorted = [...found.values()].sort((a, b) => (a.room < b.room ? -1 : 1));
  return sorted.slice(0, roomsMax);
}

function describe(hub: Hub, { room, epoch, last, lastAt }: LoggedRoom): ListedRoom {
  const { memberCount, observers } = hub.membersOf(room);
  const lastActivityAt = lastAt === 0 ? null : lastAt;
  const position = formatPosition(epoch, last);
  return { room, members: memberCount, observers, lastActivityAt, position };
}

function readRoomsMax(limit: string | undefined): number {
  const { listedRoomsMax } = limits;
  const value = limit === undefined ? listedRoomsMax : Number(limit);
  if (Number.isInteger(value) && value >= 1 && value <= listedRoomsMax) return value;
  throw new PartylineError(
    "bad_frame",
    `Field "limit" must be a whole number from 1 to ${listedRoomsMax}.`,
  );
}
