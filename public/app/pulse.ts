/** Notices a line that went dead without a word. */

const quietMs = 20_000; // without a frame for so long, a ping asks whether the server is there
const answerMs = 8_000;
const wakeAnswerMs = 3_000;

/** One timer. `ask` sends a ping and tells whether it could; `lose` hears that no answer came. */
export class Pulse {
  readonly #ask: () => boolean;
  readonly #lose: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ask: () => boolean, lose: () => void) {
    this.#ask = ask;
    this.#lose = lose;
  }

  /** Expects the first frame: a connection that never opens is as good as cut. */
  begin(): void {
    this.#expect(answerMs * 2, false);
  }

  /** A frame came: the next one may take its time. */
  beat(): void {
    this.#expect(quietMs, true);
  }

  /** Asks at once. */
  check(): void {
    if (this.#ask()) this.#expect(wakeAnswerMs, false);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #expect(withinMs: number, mayAsk: boolean): void {
    this.stop();
    this.#timer = setTimeout(() => {
      if (mayAsk && this.#ask()) this.#expect(answerMs, false);
      else this.#lose();
    }, withinMs);
  }
}
