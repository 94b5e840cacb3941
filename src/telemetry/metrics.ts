/** The meters, in the text form that Prometheus reads. */

import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";

/** Where the numbers come from; each is read when somebody asks for `/metrics`. */
export interface MeterSources {
  readonly connections: () => { websocket: number; sse: number };
  readonly rooms: () => number;
  /** Totals since the start. */
  readonly totals: () => Readonly<
    Record<"messages" | "deliveries" | "signals" | "slowReaders", number>
  >;
}

/** Makes a registry of its own, so that several servers in one process do not share numbers. */
export function createMeters({ connections, rooms, totals }: MeterSources): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  new Gauge({
    name: "partyline_connections",
    help: "Open connections by transport.",
    labelNames: ["transport"],
    registers,
    collect() {
      const { websocket, sse } = connections();
      this.set({ transport: "websocket" }, websocket);
      this.set({ transport: "sse" }, sse);
    },
  });
  new Gauge({
    name: "partyline_rooms",
    help: "Rooms that somebody is in.",
    registers,
    collect() {
      this.set(rooms());
    },
  });
  for (const [name, key, help] of counters) {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(totals()[key]);
      },
    });
  }
  return registry;
}

const counters = [
  ["partyline_messages_total", "messages", "Messages stored and announced."],
  ["partyline_deliveries_total", "deliveries", "Messages handed to live readers."],
  ["partyline_signals_total", "signals", "Signals passed on."],
  ["partyline_slow_readers_total", "slowReaders", "Connections cut because they did not read."],
] as const;
