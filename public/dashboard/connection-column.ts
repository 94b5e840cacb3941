/** The columns of the table of connections: what they say, and how they sort. */

import type { ListedConnection } from "../../src/protocol/server-report.ts";
import { fullTimeText } from "../app/words.ts";
import { bytes, countOf, durationText, nothing } from "./quantity.ts";

const namedRoomsMax = 3;
const transportNames = { websocket: "WebSocket", sse: "SSE" } as const;

/** One column. `hover` says more; `order` is what the column sorts by. */
export interface Column {
  readonly label: string;
  readonly isNumber: boolean;
  text(connection: ListedConnection, now: number): string;
  order(connection: ListedConnection): string | number;
  hover?(connection: ListedConnection): string;
}

/** The columns from left to right. */
export const columns: readonly Column[] = [
  {
    ...{ label: "User", isNumber: false },
    text: ({ user }) => user.name,
    order: ({ user }) => user.name.toLowerCase(),
    hover: ({ user, connection }) => `User ${user.id}, connection ${connection}`,
  },
  {
    ...{ label: "Transport", isNumber: false },
    text: ({ transport }) => transportNames[transport],
    order: ({ transport }) => transportNames[transport],
  },
  {
    ...{ label: "Address", isNumber: false },
    text: ({ address }) => address,
    order: ({ address }) => address,
  },
  {
    ...{ label: "Connected", isNumber: true },
    text: ({ since }, now) => durationText(now - since),
    order: ({ since }) => -since,
    hover: ({ since }) => `Since ${fullTimeText(since)}`,
  },
  {
    ...{ label: "Rooms", isNumber: false },
    text: ({ rooms, roomCount }) => {
      const named = rooms.slice(0, namedRoomsMax);
      const more = roomCount - named.length;
      return more > 0 ? `${named.join(", ")} +${countOf(more)}` : named.join(", ") || nothing;
    },
    order: ({ roomCount }) => roomCount,
    hover: ({ rooms, roomCount }) => {
      const more = roomCount > rooms.length ? ` and ${countOf(roomCount - rooms.length)} more` : "";
      return `${rooms.join(", ")}${more}`;
    },
  },
  {
    ...{ label: "Messages in", isNumber: true },
    text: ({ messagesIn }) => countOf(messagesIn),
    order: ({ messagesIn }) => messagesIn,
  },
  {
    ...{ label: "Messages out", isNumber: true },
    text: ({ messagesOut }) => countOf(messagesOut),
    order: ({ messagesOut }) => messagesOut,
  },
  {
    ...{ label: "Bytes in", isNumber: true },
    text: ({ bytesIn }) => bytes.mark(bytesIn),
    order: ({ bytesIn }) => bytesIn,
  },
  {
    ...{ label: "Bytes out", isNumber: true },
    text: ({ bytesOut }) => bytes.mark(bytesOut),
    order: ({ bytesOut }) => bytesOut,
  },
  {
    ...{ label: "Waiting", isNumber: true },
    text: ({ queueBytes }) => bytes.mark(queueBytes),
    order: ({ queueBytes }) => queueBytes,
    hover: () => "Bytes that it has not read yet",
  },
];

/** Tells whether a connection has to do with what somebody looks for. `wanted` is in lower case. */
export function matches(connection: ListedConnection, wanted: string): boolean {
  const { user, address, transport, rooms } = connection;
  const texts = [user.name, user.id, address, connection.connection, transport, ...rooms];
  return texts.some((text) => text.toLowerCase().includes(wanted));
}

/** Sorts, without touching the list; the oldest first where the column makes no difference. */
export function sort(
  connections: readonly ListedConnection[],
  { order }: Column,
  direction: 1 | -1,
): ListedConnection[] {
  const compare = (a: string | number, b: string | number) => (a < b ? -1 : a > b ? 1 : 0);
  return connections.toSorted((a, b) => direction * compare(order(a), order(b)));
}
