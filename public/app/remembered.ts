/** What the browser keeps between visits: the name, the rooms, and how far each was read. */

import { parsePosition } from "../../src/protocol/position.ts";
import type { Outgoing } from "./outgoing.ts";

/** A room that was joined, and the position up to which it was read: null before its first join. */
export interface RememberedRoom {
  readonly room: string;
  readonly read: string | null;
}

// Two servers behind one host, under different paths, must not share rooms.
const prefix = `partyline ${location.pathname} `;

/** Recalls the name, undefined before the first visit. */
export function recallName(): string | undefined {
  return load(localStore(), "name") ?? undefined;
}

/** Keeps the name. */
export function keepName(name: string): void {
  save(localStore(), "name", name);
}

/** Recalls the rooms in the order in which they were joined. Skips what is not readable. */
export function recallRooms(): RememberedRoom[] {
  return recallList(localStore(), "rooms").flatMap((entry) => {
    const { room, read } = entry;
    if (typeof room !== "string") return [];
    const isPosition = typeof read === "string" && parsePosition(read) !== undefined;
    return [{ room, read: isPosition ? read : null }];
  });
}

/** Keeps how far a room was read. Other pages of this browser may keep rooms too: theirs stay. */
export function keepRoom(room: string, read: string | null): void {
  const rooms = recallRooms();
  const index = rooms.findIndex((entry) => entry.room === room);
  if (index === -1) rooms.push({ room, read });
  else rooms[index] = { room, read };
  save(localStore(), "rooms", JSON.stringify(rooms));
}

/** Forgets a room. */
export function forgetRoom(room: string): void {
  const rooms = recallRooms().filter((entry) => entry.room !== room);
  save(localStore(), "rooms", JSON.stringify(rooms));
}

/** Recalls this page's own messages that were not stored when it was closed or reloaded. */
export function recallOutgoing(): Outgoing[] {
  return recallList(sessionStore(), "outgoing").flatMap(({ id, room, content, at }) =>
    typeof id === "string" && typeof room === "string" && typeof at === "number"
      ? [{ id, room, content, at, state: "waiting" as const }]
      : [],
  );
}

/** Keeps this page's own messages that are not stored yet. */
export function keepOutgoing(outgoing: readonly Outgoing[]): void {
  save(sessionStore(), "outgoing", JSON.stringify(outgoing));
}

function recallList(storage: Storage | undefined, key: string): Record<string, unknown>[] {
  try {
    const list: unknown = JSON.parse(load(storage, key) ?? "[]");
    if (!Array.isArray(list)) return [];
    return list.filter((entry) => typeof entry === "object" && entry !== null);
  } catch {
    return []; // Something else wrote there: the page starts afresh.
  }
}

function load(storage: Storage | undefined, key: string): string | null {
  return storage?.getItem(prefix + key) ?? null;
}

function save(storage: Storage | undefined, key: string, value: string): void {
  try {
    storage?.setItem(prefix + key, value);
  } catch {
    // The store is full: the page works on, and only forgets.
  }
}

// A browser that blocks storage throws on the mere mention of it.
function localStore(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

function sessionStore(): Storage | undefined {
  try {
    return sessionStorage;
  } catch {
    return undefined;
  }
}
