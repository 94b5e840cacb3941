/** Bytes that come piece by piece, as lines of text. */

/** A line is longer than it may be, or is not text. */
export class LineRefusal extends Error {
  constructor(message: string) {
    super(message);
    this.name = "LineRefusal";
  }
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * Splits bytes into lines, without their ends: LF or CR LF. What follows the last one is a line, too,
 * unless it is empty. Holds one piece and one line at most.
 * @throws LineRefusal when a line has more than `bytesMax` bytes or is not UTF-8; it names its number
 */
export async function* splitLines(
  input: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let number = 0;
  let rest: Uint8Array[] = [];
  let restBytes = 0;
  const decode = (end: Uint8Array): string => {
    number += 1;
    const line = rest.length === 0 ? end : Buffer.concat([...rest, end]);
    rest = [];
    restBytes = 0;
    try {
      return decoder.decode(line.at(-1) === carriageReturn ? line.subarray(0, -1) : line);
    } catch {
      throw new LineRefusal(`Line ${number} is not UTF-8; only --file sends bytes.`);
    }
  };
  for await (const piece of input) {
    let start = 0;
    for (;;) {
      const end = piece.indexOf(lineFeed, start);
      const bytes = (end === -1 ? piece.length : end) - start;
      if (restBytes + bytes > bytesMax) {
        throw new LineRefusal(`Line ${number + 1} is over the limit of ${bytesMax} bytes.`);
      }
      if (end === -1) break;
      yield decode(piece.subarray(start, end));
      start = end + 1;
    }
    if (start === piece.length) continue;
    rest.push(piece.slice(start));
    restBytes += piece.length - start;
  }
  if (restBytes > 0) yield decode(new Uint8Array());
}
