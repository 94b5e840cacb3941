/** `GET /rooms`, `/rooms/:room`, `/rooms/:room/members`: what rooms there are, and who is in them. */

import { Elysia, t } from "elysia";
import type { Hub } from "../hub/hub.ts";
import type { LoggedRoom } from "../hub/ports.ts";
import { PartylineError } from "../protocol/errors.ts";
import { limits } from "../protocol/limits.ts";
import { formatPosition } from "../protocol/position.ts";
import { systemRooms } from "../protocol/room-name.ts";
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
        const rooms = await describe(hub, found.rooms);
        return Response.json({ rooms, more: next !== null, next });
      },
      { query: listQuery, detail: { summary: "List rooms", tags: ["rooms"] } },
    )
    .get(
      "/rooms/:room",
      async ({ params, request }) => {
        const room = assertMay(await guard.identify(request), "read", params.room);
        const head = await hub.logOf(room).head(room);
        const [described] = await describe(hub, [{ room, ...head }]);
        return Response.json(described);
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
        return Response.json(await hub.attendance.of(room));
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
      if (!room.isEmpty && isReadable(next)) rooms.push(room);
    }
    if (listed.length < limits.listedRoomsMax) return { rooms, next: null };
  }
  return { rooms, next };
}

/** Whether a room is of no interest: it holds no message, nobody is in it, and it is not the server's. */
interface FoundRoom extends LoggedRoom {
  readonly isEmpty: boolean;
}

/** Rooms by name: those that ever held a message, those with somebody in them, and the server's own. */
async function listRooms(hub: Hub, after: string, roomsMax: number): Promise<FoundRoom[]> {
  const found = new Map<string, FoundRoom>();
  for (const room of await hub.logOf("").rooms(after, roomsMax)) {
    const isEmpty = room.first > room.last && !hub.rooms.has(room.room);
    found.set(room.room, { ...room, isEmpty });
  }
  for (const { name, epoch, last } of hub.rooms.values()) {
    if (name <= after || found.has(name)) continue;
    found.set(name, { room: name, epoch, first: 1, last, lastAt: 0, isEmpty: false });
  }
  // The server's own are there before their first message, which comes within a second.
  for (const name of [...systemRooms, ...(await hub.attendance.elsewhere(after, roomsMax))]) {
    if (name <= after || found.get(name)?.isEmpty === false) continue;
    const head = found.get(name) ?? (await hub.logOf(name).head(name));
    found.set(name, { ...head, room: name, isEmpty: false });
  }
  // Code-unit order, as the brokers have it, so that paging by name skips nothing.
  const sorted = [...found.values()].sort((a, b) => (a.room < b.room ? -1 : 1));
  return sorted.slice(0, roomsMax);
}

async function describe(hub: Hub, rooms: readonly LoggedRoom[]): Promise<ListedRoom[]> {
  const counted = await hub.attendance.count(rooms.map(({ room }) => room));
  return rooms.map(({ room, epoch, last, lastAt }) => {
    const { members, observers } = counted.get(room) ?? { members: 0, observers: 0 };
    const lastActivityAt = lastAt === 0 ? null : lastAt;
    return { room, members, observers, lastActivityAt, position: formatPosition(epoch, last) };
  });
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
