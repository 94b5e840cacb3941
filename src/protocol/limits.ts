/** Every default ceiling of the wire, each with its unit in its name. The manual lists them all. */

/** Ceilings that hold on every transport. All are inclusive: a value equal to the limit passes. */
export const limits = {
  /** Bytes of one WebSocket message after reassembly, and of one HTTP publish body. */
  frameBytesMax: 1_048_576,
  /** Bytes a connection may have waiting to be read by its client before it is cut. */
  queueBytesMax: 4_194_304,
  /** Bytes waiting for a reader above which it skips to the newest, where only that counts. */
  latestWaitBytesMax: 65_536,
  /** Bytes of publishes that may be arriving or waiting for the store at a time. */
  publishBytesMax: 67_108_864,
  /** Characters of a room name. */
  roomNameLengthMax: 128,
  /** Visible characters of a username. */
  usernameLengthMax: 40,
  /** Characters of a publisher's message id. */
  messageIdLengthMax: 128,
  /** Arrays and objects that a content may nest: many a client's parser stops not far above. */
  contentDepthMax: 100,
  /** Rooms that one WebSocket connection may be in. */
  connectionRoomsMax: 100,
  /** Rooms that one SSE stream may follow. */
  streamRoomsMax: 50,
  /** Messages in one answer to `history`. */
  historyMessagesMax: 500,
  /** Messages in one answer to `history` that names no limit. */
  historyMessagesDefault: 50,
  /** Rooms in one answer to `GET /rooms`. */
  listedRoomsMax: 500,
  /** Connections in one answer to `GET /admin/connections`. */
  listedConnectionsMax: 500,
  /** Streams of `GET /admin/events` at a time. */
  watchersMax: 50,
  /** Rooms named in one event of such a stream. */
  busyRoomsMax: 50,
  /** Members named in one frame; above it only their count is told. */
  listedMembersMax: 500,
  /** Malformed frames in a row after which a connection is closed with 1008. */
  badFramesMax: 3,
  /** Frames refused as `rate_limited`, the bucket never full in between, that close with 1013. */
  refusedFramesMax: 1_000,
  /** Addresses whose pace is remembered; beyond that the one not seen for longest is forgotten. */
  rememberedAddressesMax: 50_000,
  /** Messages kept of a room that starts with `$`. */
  systemRoomMessagesMax: 60,
  /** Messages, and bytes of them, that one step of catching up reads from the log. */
  catchUpMessagesMax: 500,
  catchUpBytesMax: 262_144,
  /** Encoded messages, and bytes of them, that a room keeps at hand for joins. */
  tailMessagesMax: 128,
  tailBytesMax: 262_144,
  /** Milliseconds for which changes of presence are gathered into one frame. */
  presenceGatherMs: 200,
  /** Milliseconds for which a named user who was cut off still counts as present. */
  presenceGraceMs: 5_000,
  /** Milliseconds before the end of a token at which its connection is told. */
  tokenWarningMs: 60_000,
  /** Milliseconds in which a connection must show a token, where nobody may do anything without. */
  tokenWithinMs: 5_000,
  /** Milliseconds between two comments on a quiet SSE stream. */
  heartbeatMs: 15_000,
  /** Milliseconds that a reader of SSE should wait before it reconnects. */
  reconnectAfterMs: 1_000,
} as const;

/** The shape of {@link limits}, with plain numbers. */
export type Limits = { readonly [Name in keyof typeof limits]: number };

/**
 * The fewest bytes of queue that go with a frame limit. A message that may be published must also fit
 * a reader's queue in its largest encoding: base64 adds a third, the envelope less than 4 KiB, and a
 * step of catching up may wait before it.
 */
export function queueBytesMin(
  frameBytesMax: number,
  catchUpBytesMax: number = limits.catchUpBytesMax,
): number {
  return Math.ceil((frameBytesMax * 4) / 3) + 4_096 + catchUpBytesMax;
}

/** Throws when two ceilings contradict each other. */
export function assertLimits(given: Limits): void {
  const queueMin = queueBytesMin(given.frameBytesMax, given.catchUpBytesMax);
  assert(given.queueBytesMax >= queueMin, "queueBytesMax");
  assert(given.tailMessagesMax >= 1, "tailMessagesMax");
  assert(given.historyMessagesDefault <= given.historyMessagesMax, "historyMessagesDefault");
  assert(given.catchUpMessagesMax >= 1 && given.catchUpBytesMax >= 1, "catchUpMessagesMax");
  assert(given.roomNameLengthMax <= 255, "roomNameLengthMax"); // a binary frame has one byte for it
}

assertLimits(limits);

function assert(holds: boolean, name: string): void {
  if (!holds) throw new Error(`limits.${name} contradicts another limit`);
}
