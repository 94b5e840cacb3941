/** Where log lines go: into a stream, as long as somebody takes them out of it. */

/** Characters of lines that may wait to be taken: some ten thousand lines. */
const waitingMax = 4_194_304;

/** What is needed of a stream. */
export interface LineStream {
  /** Calls `done` once the text was taken. */
  write(text: string, done: () => void): unknown;
}

/**
 * A collector that stands still must not fill the memory of what it collects from: Bun keeps all that
 * a pipe does not take. What is too much is left out, until half of what waits was taken.
 */
export class LineSink {
  readonly #stream: LineStream;
  readonly #onResume: (lost: number) => void;
  #waiting = 0;
  #lost = 0;

  /** `onResume` hears how many lines were left out, just before the next that is not. */
  constructor(stream: LineStream, onResume: (lost: number) => void) {
    this.#stream = stream;
    this.#onResume = onResume;
  }

  write(line: string): void {
    const { length } = line;
    const lost = this.#lost;
    if (this.#waiting + length > (lost > 0 ? waitingMax / 2 : waitingMax)) {
      this.#lost += 1;
      return;
    }
    this.#lost = 0;
    if (lost > 0) this.#onResume(lost);
    this.#waiting += length;
    this.#stream.write(line, () => {
      this.#waiting -= length;
    });
  }
}
