/** The rooms in which most happens. */

import type { Room } from "../hub/room.ts";
import { limits } from "../protocol/limits.ts";
import type { BusyRoom } from "../protocol/server-report.ts";

/**
 * Finds the rooms with most messages a second, then those with most members, at `now` in milliseconds
 * since 1970. It looks at each room once and keeps no more than it names.
 */
export function findBusyRooms(rooms: ReadonlyMap<string, Room>, now: number): BusyRoom[] {
  const found: { room: Room; pace: number; people: number }[] = [];
  for (const room of rooms.values()) {
    const pace = Math.round(room.pace.perSecondAt(now) * 10) / 10;
    const people = room.presence.count + room.observerCount;
    let place = found.length;
    for (; place > 0; place -= 1) {
      const above = found[place - 1];
      if (above === undefined || above.pace > pace) break;
      if (above.pace === pace && above.people >= people) break;
    }
    if (place === limits.busyRoomsMax) continue;
    found.splice(place, 0, { room, pace, people });
    if (found.length > limits.busyRoomsMax) found.pop();
  }
  return found.map(({ room, pace }) => ({
    room: room.name,
    members: room.presence.count,
    observers: room.observerCount,
    messagesPerSecond: pace,
    lastActivityAt: room.lastAt === 0 ? null : room.lastAt,
  }));
}
