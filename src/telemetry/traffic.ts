/** What went through one connection. */

export class Traffic {
  /** Rooms that it entered, one as often as it came. */
  rooms = 0;
  messagesIn = 0;
  messagesOut = 0;
  /** Bytes of frames, without the framing of the transport. */
  bytesIn = 0;
  bytesOut = 0;
}
