/** A store whose faults a test makes, and what it told. */

import type { Database } from "bun:sqlite";
import { join } from "node:path";
import { SqliteBroker } from "../../src/broker/sqlite.ts";
import { openStoreFile, type StoreFile } from "../../src/broker/store-file.ts";
import type { StoreDurability } from "../../src/broker/store-life.ts";
import type { Body, Draft } from "../../src/hub/message.ts";
import { codeOf, noBounds, range } from "../contract/broker-scene.ts";
import { deaf } from "../support/deaf.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { eventually } from "../support/poll.ts";

/** How a store is opened that is going to fail. */
export interface FailingStoreOptions {
  readonly durability?: StoreDurability;
  readonly pendingMessagesMax?: number;
  readonly pendingBytesMax?: number;
  /** Puts something between the broker and its file. */
  readonly wrap?: (file: StoreFile) => StoreFile;
}

const body: Body = { kind: "bytes", bytes: new Uint8Array(10_000) };
const from = { id: "alice", name: "Alice" };

/** A started broker with a clock that stands still. Whoever opens it closes its broker. */
export class FailingStore {
  readonly path: string;
  readonly clock = new ManualClock();
  /** The connection that the broker began with. */
  readonly database: Database;
  readonly broker: SqliteBroker;
  /** Breaking, healing and other failures, in order. */
  readonly told: string[] = [];
  /** Offsets, in order. */
  readonly announced: number[] = [];
  readonly #name = crypto.randomUUID();
  #ids = 0;

  private constructor(folder: string, options: FailingStoreOptions) {
    const { durability = "process", wrap = (file) => file, ...bounds } = options;
    this.path = join(folder, "partyline.db");
    const file = openStoreFile(this.path, durability, "");
    this.database = file.database;
    this.broker = new SqliteBroker(wrap(file), {
      ...{ path: this.path, durability, retention: noBounds, clock: this.clock },
      bootId: "",
      onBreak: ({ message }) => this.told.push(`broke: ${message}`),
      onHeal: (outageMs) => this.told.push(`healed after ${outageMs} ms`),
      onFailure: (error) =>
        this.told.push(`failed: ${Error.isError(error) ? error.message : error}`),
      ...bounds,
    });
  }

  static async open(folder: string, options: FailingStoreOptions = {}): Promise<FailingStore> {
    const store = new FailingStore(folder, options);
    await store.broker.start({
      ...deaf,
      announce: (messages) => {
        store.announced.push(...messages.map(({ offset }) => offset));
      },
    });
    return store;
  }

  /** A message of 10,000 bytes to the room `hall`. */
  draft(): Draft {
    this.#ids += 1;
    return { room: "hall", id: `${this.#name}-${this.#ids}`, from, at: this.#ids, body };
  }

  /** The offset of each, or the code of its error. */
  publishMany(count: number): Promise<(number | string)[]> {
    return Promise.all(
      range(1, count).map(async () => {
        const published = this.broker.publish(this.draft());
        return published
          .then(({ offset }) => offset)
          .catch(async () => `${await codeOf(published)}`);
      }),
    );
  }

  /** Lets time pass in steps of a second, in each of which the store may be tried. */
  async passTime(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 1_000) {
      this.clock.advance(1_000);
      await Bun.sleep(0);
    }
  }

  /** Lets time pass until the store says this of its health. */
  async says(pattern: RegExp): Promise<void> {
    await eventually(`the store says ${pattern}`, async () => {
      await this.passTime(1_000);
      return pattern.test(this.broker.health() ?? "");
    });
  }

  /** Lets time pass until the store heals. */
  async healed(): Promise<void> {
    await eventually("the store heals", async () => {
      await this.passTime(1_000);
      return this.broker.health() === null;
    });
  }
}
