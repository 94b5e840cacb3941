/** What went through one connection. */

export interface Traffic {
  /** Rooms that it entered, one as often as it came. */
  rooms: number;
  messagesIn: number;
  messagesOut: number;
  /** Bytes of frames, without the framing of the transport. */
  bytesIn: number;
  bytesOut: number;
}
