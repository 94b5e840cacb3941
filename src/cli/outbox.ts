/** Messages on their way: so many at once and no more, and what became of them. */

/** What may be on its way; a single message of more bytes still goes. */
export interface OutboxLimits {
  readonly countMax: number;
  readonly bytesMax: number;
}

/** Publishes a message, and resolves to its position once it is stored. */
export type Publish = (content: unknown, id: string | undefined) => Promise<string>;

/** A message that is to be stored. `bytes` is about how many it takes, `number` what it is called. */
export interface Outgoing {
  readonly content: unknown;
  readonly bytes: number;
  readonly id: string | undefined;
  readonly number: number;
}

/** A message was not stored. */
export class OutboxFailure extends Error {
  readonly number: number;
  readonly reason: unknown;

  constructor(number: number, reason: unknown) {
    super(`Message ${number} was not stored.`, { cause: reason });
    this.name = "OutboxFailure";
    this.number = number;
    this.reason = reason;
  }
}

export class Outbox {
  readonly #publish: Publish;
  readonly #limits: OutboxLimits;
  #onWay = 0;
  #bytes = 0;
  #failure: Error | undefined;
  readonly #waiting: (() => void)[] = [];
  /** How many messages are stored. */
  acknowledged = 0;
  /** Where the newest of them is. */
  position: string | undefined;

  constructor(publish: Publish, limits: OutboxLimits) {
    this.#publish = publish;
    this.#limits = limits;
  }

  /** Messages that are not acknowledged. */
  get onWay(): number {
    return this.#onWay;
  }

  /**
   * Takes a message as soon as there is room, and resolves then.
   * @throws OutboxFailure when one before it was not stored; Error when it was closed
   */
  async push({ content, bytes, id, number }: Outgoing): Promise<void> {
    const { countMax, bytesMax } = this.#limits;
    const isFull = () =>
      this.#onWay >= countMax || (this.#onWay > 0 && this.#bytes + bytes > bytesMax);
    while (this.#failure === undefined && isFull()) await this.#change();
    if (this.#failure !== undefined) throw this.#failure;
    this.#onWay += 1;
    this.#bytes += bytes;
    this.#publish(content, id)
      .then(
        (position) => {
          this.acknowledged += 1;
          this.position = position;
        },
        (reason) => {
          this.#failure ??= new OutboxFailure(number, reason);
        },
      )
      .finally(() => {
        this.#onWay -= 1;
        this.#bytes -= bytes;
        this.#wake();
      });
  }

  /** Takes no more, and resolves once nothing is on its way, or after `withinMs` milliseconds. */
  async close(withinMs: number): Promise<void> {
    this.#failure ??= new Error("The outbox was closed.");
    this.#wake();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#wake();
    }, withinMs);
    while (this.#onWay > 0 && !isLate) await this.#change();
    clearTimeout(timer);
  }

  /** Resolves once all is stored. @throws OutboxFailure */
  async settle(): Promise<void> {
    while (this.#failure === undefined && this.#onWay > 0) await this.#change();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
