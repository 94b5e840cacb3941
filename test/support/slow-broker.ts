/** A log in memory whose answers come late, at random, as far as the contract lets it. */

import type { Draft, Message } from "../../src/hub/message.ts";
import type { Broker, BrokerListener, Head, LoggedRoom, Published } from "../../src/hub/ports.ts";
import type { Chance } from "./chance.ts";

interface SlowOptions {
  readonly chance: Chance;
  /** Messages kept of a room. */
  readonly messagesMax: number;
  /** Whether messages can be read some turns before they are announced. */
  readonly isAhead: boolean;
}

/** Keeps the newest messages of each room; `epoch` is the same for all. */
export class SlowBroker implements Broker {
  readonly epoch = "e";
  readonly #options: SlowOptions;
  readonly #rooms = new Map<string, Message[]>();
  readonly #last = new Map<string, number>();
  #listener: BrokerListener | null = null;
  #announced: Promise<void> = Promise.resolve();
  /** Set to make every call reject. */
  failure: Error | null = null;

  constructor(options: SlowOptions) {
    this.#options = options;
  }

  async start(listener: BrokerListener): Promise<void> {
    this.#listener = listener;
  }

  /** Answers once what is kept already was announced. */
  async listen(room: string): Promise<Head> {
    const head = await this.head(room);
    await this.#announced;
    return head;
  }

  unlisten(): void {}

  async publish(draft: Draft): Promise<Published> {
    if (this.failure !== null) throw this.failure;
    const { chance, isAhead } = this.#options;
    if (!isAhead) return this.#store(draft, true);
    const place = this.#store(draft, false);
    this.#announced = this.#announced.then(async () => {
      await chance.pause(3);
      this.#listener?.announce([place.message]);
    });
    await this.#announced;
    return place;
  }

  async head(room: string): Promise<Head> {
    return this.#answer(() => this.headNow(room));
  }

  read(room: string, after: number, messagesMax: number): Promise<Message[]> {
    return this.#answer(() => {
      const kept = this.#rooms.get(room) ?? [];
      return kept.filter(({ offset }) => offset > after).slice(0, messagesMax);
    });
  }

  readBefore(room: string, before: number, messagesMax: number): Promise<Message[]> {
    return this.#answer(() => {
      const kept = this.#rooms.get(room) ?? [];
      return kept.filter(({ offset }) => offset < before).slice(-messagesMax);
    });
  }

  async rooms(): Promise<LoggedRoom[]> {
    return [...this.#rooms.keys()].sort().map((room) => ({ room, ...this.headNow(room) }));
  }

  async forget(room: string): Promise<void> {
    this.#rooms.delete(room);
    this.#listener?.forgotten(room);
  }

  health(): null {
    return null;
  }

  async close(): Promise<void> {}

  /** What is kept at this moment. */
  headNow(room: string): Head {
    const last = this.#last.get(room) ?? 0;
    const kept = this.#rooms.get(room) ?? [];
    return { epoch: this.epoch, first: kept[0]?.offset ?? last + 1, last, lastAt: 0 };
  }

  #store(draft: Draft, isAnnounced: boolean) {
    const offset = (this.#last.get(draft.room) ?? 0) + 1;
    const message: Message = { ...draft, epoch: this.epoch, offset };
    this.#last.set(draft.room, offset);
    const kept = [...(this.#rooms.get(draft.room) ?? []), message];
    this.#rooms.set(draft.room, kept.slice(-this.#options.messagesMax));
    if (isAnnounced) this.#listener?.announce([message]);
    return { epoch: this.epoch, offset, duplicate: false, message };
  }

  /** Looks at a random moment, and answers at a later one. */
  async #answer<Answer>(look: () => Answer): Promise<Answer> {
    const { chance } = this.#options;
    await chance.pause(2);
    if (this.failure !== null) throw this.failure;
    const answer = look();
    await chance.pause(2);
    return answer;
  }
}
