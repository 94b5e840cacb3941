/** A broker under test with what it announced. */

import type { Body, Draft, Message } from "../../src/hub/message.ts";
import type { Broker, Clock, Published, Retention } from "../../src/hub/ports.ts";
import { deaf } from "../support/deaf.ts";
import { ManualClock } from "../support/manual-clock.ts";

/** A broker as one implementation opens it for a test. */
export interface OpenedBroker {
  readonly broker: Broker;
  /** Closes the broker and opens what it kept again; missing where nothing outlives it. */
  readonly reopen?: () => Promise<Broker>;
  /** Closes the newest of them and takes away what it kept. */
  readonly close: () => Promise<void>;
}

/** Opens an empty broker. */
export type OpenBroker = (options: {
  readonly retention: Retention;
  readonly clock: Clock;
}) => Promise<OpenedBroker>;

/** What implementations do differently and may. */
export interface BrokerCapabilities {
  /** What one turn of the event loop brought is announced in one call. */
  readonly gathers: boolean;
}

export const noBounds: Retention = { messagesMax: 0, ageMsMax: 0, bytesMax: 0 };
export const plenty = 1_000_000_000;

/** A started broker, its clock, and every announcement in its order. */
export class Scene {
  readonly clock = new ManualClock();
  readonly batches: (readonly Message[])[] = [];
  onAnnounce: (messages: readonly Message[]) => void = () => {};
  #opened: OpenedBroker | undefined;
  #broker: Broker | undefined;
  readonly #listened = new Set<string>();
  #ids = 0;

  static async open(open: OpenBroker, retention: Retention = noBounds): Promise<Scene> {
    const scene = new Scene();
    scene.#opened = await open({ retention, clock: scene.clock });
    await scene.#start(scene.#opened.broker);
    return scene;
  }

  get broker(): Broker {
    if (this.#broker === undefined) throw new Error("The scene is not open");
    return this.#broker;
  }

  get announced(): Message[] {
    return this.batches.flat();
  }

  get canReopen(): boolean {
    return this.#opened?.reopen !== undefined;
  }

  /** Listens to rooms, and goes on with them when the broker is opened again. */
  async listen(...rooms: readonly string[]): Promise<void> {
    for (const room of rooms) {
      this.#listened.add(room);
      await this.broker.listen(room);
    }
  }

  async reopen(): Promise<void> {
    if (this.#opened?.reopen === undefined) throw new Error("This broker cannot be reopened");
    await this.#start(await this.#opened.reopen());
    await this.listen(...this.#listened);
  }

  draft(room: string, given: Partial<Draft> = {}): Draft {
    this.#ids += 1;
    return {
      room,
      id: `id-${this.#ids}`,
      from: { id: "alice", name: "Alice" },
      at: this.clock.now(),
      body: json(this.#ids),
      ...given,
    };
  }

  publish(room: string, given: Partial<Draft> = {}): Promise<Published> {
    return this.broker.publish(this.draft(room, given));
  }

  /** Publishes so many messages at the same moment. */
  publishMany(room: string, count: number): Promise<Published[]> {
    return Promise.all(Array.from({ length: count }, () => this.publish(room)));
  }

  async offsets(room: string, after = 0, messagesMax = plenty, bytesMax = plenty) {
    const messages = await this.broker.read(room, after, messagesMax, bytesMax);
    return messages.map((message) => message.offset);
  }

  async offsetsBefore(room: string, before: number, messagesMax = plenty, bytesMax = plenty) {
    const messages = await this.broker.readBefore(room, before, messagesMax, bytesMax);
    return messages.map((message) => message.offset);
  }

  /** Lets time pass, second by second, until a condition holds or a minute has passed. */
  async passUntil(holds: () => Promise<boolean>): Promise<void> {
    for (let second = 0; second < 60; second += 1) {
      if (await holds()) return;
      this.clock.advance(1_000);
      await new Promise(setImmediate);
    }
    throw new Error("It did not come about within a minute");
  }

  /** Lets so many seconds pass. */
  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      this.clock.advance(1_000);
      await new Promise(setImmediate);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened?.close();
  }

  async #start(broker: Broker): Promise<void> {
    this.#broker = broker;
    await broker.start({
      ...deaf,
      announce: (messages) => {
        this.batches.push(messages);
        this.onAnnounce(messages);
      },
    });
  }
}

/** Makes the body that stands for a JSON value. */
export function json(value: unknown): Body {
  return { kind: "json", json: JSON.stringify(value) };
}

/** Counts from one number up to another, both included. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}

/** Waits for a promise to fail and returns the code of its error. */
export async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return "no error";
  } catch (error) {
    return error instanceof Error && "code" in error ? error.code : error;
  }
}
