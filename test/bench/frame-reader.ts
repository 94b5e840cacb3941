/** Splits what a server sends over a WebSocket into its frames, without parsing their text. */

/** Hears of a text frame: its text is `chunk` from `start` up to `end`. Valid until it returns. */
export type OnFrame = (chunk: Buffer, start: number, end: number) => void;

/** Server frames have no mask, so that their text lies in the chunk as it is. */
export class FrameReader {
  readonly #onFrame: OnFrame;
  #rest: Buffer | null = null;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** Takes what the socket brought. */
  push(bytes: Buffer): void {
    const chunk = this.#rest === null ? bytes : Buffer.concat([this.#rest, bytes]);
    let start = 0;
    for (;;) {
      const { length, head } = measure(chunk, start);
      if (length < 0 || start + head + length > chunk.length) break;
      const end = start + head + length;
      if ((chunk[start] ?? 0) === 0x81) this.#onFrame(chunk, start + head, end);
      start = end;
    }
    // Copied, because Bun may use the memory of a chunk again.
    this.#rest = start === chunk.length ? null : Buffer.from(chunk.subarray(start));
  }
}

const size = { length: -1, head: 2 };

/** Returns the same object each time; a length of -1 is one that has not come yet. */
function measure(chunk: Buffer, start: number): { length: number; head: number } {
  const left = chunk.length - start;
  const short = left < 2 ? -1 : (chunk[start + 1] ?? 0) & 0x7f;
  size.head = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (short < 0 || left < size.head) size.length = -1;
  else if (short === 126) size.length = chunk.readUInt16BE(start + 2);
  else if (short === 127) size.length = Number(chunk.readBigUInt64BE(start + 2));
  else size.length = short;
  return size;
}
