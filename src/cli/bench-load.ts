/** The load of `partyline bench`: people in rooms, messages at a steady pace, and a clock on each. */

import { connect, type Line, LineError, type Room, type Transport } from "../client/index.ts";
import type { Target } from "./connection-options.ts";
import { Latencies } from "./latencies.ts";
import { joined } from "./line-states.ts";

/** How many connect at a moment, and how long one may take. */
const connectingMax = 50;
const connectMsMax = 30_000;
/** How often one tries: twice WebSocket, and SSE between where that is left open. */
const triesMax = 3;
/** With no pace set, so many messages of a publisher wait for their acknowledgement. */
const windowMessages = 32;
const tickMs = 5;
/** For how long what is on its way at the end is waited for. */
const settleMsMax = 10_000;
const pollMs = 20;

/** What is to be done to a server. */
export interface LoadPlan {
  readonly connections: number;
  readonly rooms: number;
  /** Messages a second, all publishers together; 0 for as many as are acknowledged. */
  readonly rate: number;
  /** Bytes of a message's content, as JSON. */
  readonly sizeBytes: number;
  readonly durationMs: number;
  readonly transport: Transport | undefined;
}

/** Something that failed, and how often. */
export type Failures = ReadonlyMap<string, number>;

/** One person of the load. The first in each room publishes. */
interface Visitor {
  readonly line: Line;
  readonly room: Room<Content>;
  waiting: number;
}

interface Content {
  /** When it was due, by this program's own clock, in milliseconds. */
  readonly at: number;
  readonly run: string;
  readonly text: string;
}

/** Connects, publishes and counts. Whoever made it closes it. */
export class BenchLoad {
  readonly connectMs = new Latencies();
  readonly ackMs = new Latencies();
  readonly deliveryMs = new Latencies();
  /** By how much this program was late to publish: it may be the one that is too slow. */
  readonly lateMs = new Latencies();
  readonly #failures = new Map<string, number>();
  readonly #plan: LoadPlan;
  readonly #target: Target;
  readonly #run = crypto.randomUUID().slice(0, 8);
  readonly #visitors: Visitor[] = [];
  readonly #sizes = new Map<string, number>();
  readonly #text: string;
  /** Messages handed to the client, and deliveries that those acknowledged must bring. */
  published = 0;
  expected = 0;
  #isEnded = false;

  constructor(target: Target, plan: LoadPlan) {
    this.#target = target;
    this.#plan = plan;
    const head = { at: performance.now(), run: this.#run, text: "" };
    this.#text = "x".repeat(Math.max(0, plan.sizeBytes - JSON.stringify(head).length));
  }

  /** How many are connected. */
  get connected(): number {
    return this.#visitors.length;
  }

  get failures(): Failures {
    return this.#failures;
  }

  /** The transports in use. */
  get transports(): ReadonlySet<string> {
    const states = this.#visitors.map(({ line }) => line.state);
    return new Set(states.flatMap((state) => (state.name === "open" ? [state.transport] : [])));
  }

  /** The rooms that were joined. They outlive the load in the server's log. */
  get roomNames(): readonly string[] {
    return [...this.#sizes.keys()];
  }

  /** Connects everybody and joins the rooms. What fails is counted. */
  async connect(): Promise<void> {
    let next = 0;
    const connectSome = async () => {
      while (next < this.#plan.connections && !this.#isEnded) {
        next += 1;
        await this.#visit(next - 1);
      }
    };
    await Promise.all(Array.from({ length: connectingMax }, connectSome));
  }

  /** Publishes for as long as is planned, then waits for what is on its way. */
  async run(): Promise<void> {
    if (this.#visitors.length === 0) return;
    const publishers = this.#publishers();
    const begin = performance.now();
    const end = begin + this.#plan.durationMs;
    const { rate } = this.#plan;
    let turn = 0;
    while (!this.#isEnded) {
      const now = performance.now();
      if (rate === 0) {
        if (now >= end) break;
        for (const each of publishers) while (each.waiting < windowMessages) this.#say(each, now);
      } else {
        // Each message counts from when it was due: a stall must not hide the wait it causes.
        const due = Math.floor(((Math.min(now, end) - begin) * rate) / 1_000);
        for (; this.published < due; turn += 1) {
          const each = publishers[turn % publishers.length];
          if (each !== undefined) this.#say(each, begin + ((this.published + 1) * 1_000) / rate);
        }
        if (now >= end) break;
      }
      await Bun.sleep(tickMs);
    }
    await this.#settle();
  }

  /** Ends early: what is under way is settled still. */
  end(): void {
    this.#isEnded = true;
  }

  close(): void {
    this.#isEnded = true;
    for (const { line } of this.#visitors) line.close();
  }

  async #visit(index: number): Promise<void> {
    const name = `bench-${this.#run}-${index % this.#plan.rooms}`;
    const begin = performance.now();
    const { transport } = this.#plan;
    const username = `bench ${index + 1}`;
    const line = connect(this.#target.url, { ...this.#target.options, transport, username });
    const room = line.join<Content>(name);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      const text = `No connection within ${connectMsMax / 1_000} s.`;
      timer = setTimeout(() => reject(new LineError("unavailable", text)), connectMsMax);
      let tries = 0;
      line.on("state", (state) => {
        if (state.name !== "waiting") return;
        tries += 1;
        // What the server says itself, it would say again.
        if (tries < triesMax && state.code === undefined) return;
        reject(new LineError(state.code ?? "unavailable", state.reason));
      });
    });
    try {
      await Promise.race([joined(line, room), late]);
      this.connectMs.add(performance.now() - begin);
      this.#visitors.push({ line, room, waiting: 0 });
      this.#sizes.set(name, (this.#sizes.get(name) ?? 0) + 1);
      room.on("message", ({ content }) => {
        if (content?.run === this.#run) this.deliveryMs.add(performance.now() - content.at);
      });
      room.on("gap", () => this.#fail("a gap was told"));
    } catch (error) {
      line.close();
      this.#fail(error instanceof LineError ? `${error.code}: ${error.message}` : String(error));
    } finally {
      clearTimeout(timer);
    }
  }

  /** One of each room. */
  #publishers(): Visitor[] {
    const byRoom = new Map<string, Visitor>();
    for (const each of this.#visitors) {
      if (!byRoom.has(each.room.name)) byRoom.set(each.room.name, each);
    }
    return [...byRoom.values()];
  }

  #say(visitor: Visitor, dueAt: number): void {
    const { room } = visitor;
    const readers = this.#sizes.get(room.name) ?? 0;
    this.published += 1;
    this.lateMs.add(performance.now() - dueAt);
    visitor.waiting += 1;
    room.publish({ at: dueAt, run: this.#run, text: this.#text }).then(
      () => {
        visitor.waiting -= 1;
        this.ackMs.add(performance.now() - dueAt);
        this.expected += readers;
      },
      (error: unknown) => {
        visitor.waiting -= 1;
        this.#fail(error instanceof LineError ? `${error.code}: ${error.message}` : String(error));
      },
    );
  }

  async #settle(): Promise<void> {
    const end = performance.now() + settleMsMax;
    const isOpen = () =>
      this.#visitors.some(({ waiting }) => waiting > 0) || this.deliveryMs.count < this.expected;
    while (isOpen() && performance.now() < end) await Bun.sleep(pollMs);
  }

  #fail(what: string): void {
    this.#failures.set(what, (this.#failures.get(what) ?? 0) + 1);
  }
}
