/** `partyline bench`: loads a server as many clients would, and says how long things took. */

import { countKind, durationKind, isLoopback, sizeKind } from "../config-value.ts";
import { BenchLoad, type LoadPlan } from "./bench-load.ts";
import { type BenchReport, formatReport } from "./bench-report.ts";
import { forgetRooms, type KeptRooms } from "./bench-rooms.ts";
import { runClient } from "./client-run.ts";
import type { Arguments, Run } from "./command.ts";
import { SetupError, type Target } from "./connection-options.ts";
import { exitCodes, signalCodes } from "./exit-codes.ts";
import { optionOf, readOption, UsageError } from "./option.ts";
import { Progress } from "./progress.ts";
import { formatCount } from "./quantity.ts";
import { findObstacle } from "./reachability.ts";
import type { EndSignal, Terminal } from "./terminal.ts";

const hourMs = 3_600_000;
const progressMs = 200;

/**
 * Resolves to 0 when everything was stored and delivered, to 1 when anything was not, and to 2 for
 * wrong flags. A signal ends the load early; what was measured is told all the same.
 */
export const bench: Run = (given, terminal) =>
  runClient(given, terminal, (target) => {
    const plan = readPlan(given);
    assertOurs(target, given);
    return measure(target, plan, given.switches.has("json"), terminal);
  });

function readPlan({ options }: Arguments): LoadPlan {
  const connections = readOption(options, "connections", countKind("<count>", 1, 50_000)) ?? 100;
  const rooms = readOption(options, "rooms", countKind("<count>", 1, 50_000));
  if (rooms !== undefined && rooms > connections) {
    throw new UsageError(`--rooms is ${rooms}, more than the ${connections} --connections.`);
  }
  const transport = optionOf(options, "transport");
  if (transport !== undefined && transport !== "websocket" && transport !== "sse") {
    throw new UsageError(`--transport is "${transport}"; give websocket or sse.`);
  }
  return {
    connections,
    rooms: rooms ?? Math.min(10, connections),
    rate: readOption(options, "rate", countKind("<count>", 0, 1_000_000)) ?? 100,
    sizeBytes: readOption(options, "size", sizeKind(1, 1_048_576)) ?? 128,
    durationMs: readOption(options, "duration", durationKind(hourMs)) ?? 10_000,
    transport,
  };
}

/** A load on somebody else's server is an attack: that needs a word of its own. */
function assertOurs({ url }: Target, { switches }: Arguments): void {
  const { hostname } = new URL(url);
  if (isLoopback(hostname.replace(/^\[|\]$/g, "")) || switches.has("yes")) return;
  throw new UsageError(
    `${url} is not on this machine. A bench is a load on whoever runs it; if that is you, give --yes.`,
  );
}

async function measure(
  target: Target,
  plan: LoadPlan,
  isJson: boolean,
  terminal: Terminal,
): Promise<number> {
  const obstacle = await findObstacle(target);
  if (obstacle !== undefined) throw new SetupError(obstacle.sentence);
  const load = new BenchLoad(target, plan);
  let signal: EndSignal | undefined;
  terminal.onSignal((given) => {
    signal = given;
    load.end();
  });
  const progress = new Progress(terminal, {});
  const begin = performance.now();
  let publishingSince = 0;
  const ticking = setInterval(() => {
    const isPublishing = publishingSince > 0;
    const elapsedMs = isPublishing ? performance.now() - publishingSince : 0;
    const part = isPublishing ? elapsedMs / plan.durationMs : load.connected / plan.connections;
    progress.show(isPublishing ? describe(load) : "Connecting", Math.min(1, part));
  }, progressMs);
  try {
    await load.connect();
    const connectedMs = performance.now() - begin;
    publishingSince = performance.now();
    const { transports } = load;
    await load.run();
    const publishedMs = Math.min(performance.now() - publishingSince, plan.durationMs);
    progress.end();
    load.close(); // or somebody would be in the rooms still
    const kept = await forgetRooms(target, load.roomNames);
    const report = toReport({ load, plan, connectedMs, publishedMs, transports, kept });
    const text = isJson ? `${JSON.stringify(report)}\n` : formatReport(report, target.url);
    await terminal.print(text);
    if (signal !== undefined) return signalCodes[signal];
    return report.failures.length === 0 && report.undelivered === 0
      ? exitCodes.ok
      : exitCodes.failed;
  } finally {
    clearInterval(ticking);
    progress.end();
    load.close();
  }
}

function describe({ ackMs, deliveryMs }: BenchLoad): string {
  const slow = deliveryMs.quantile(0.99).toPrecision(3);
  const stored = `${formatCount(ackMs.count, "message")} stored`;
  return `${stored}, ${formatCount(deliveryMs.count, "delivery").replace("ys", "ies")}, p99 ${slow} ms,`;
}

function toReport({
  load,
  plan,
  connectedMs,
  publishedMs,
  transports,
  kept,
}: {
  readonly load: BenchLoad;
  readonly plan: LoadPlan;
  readonly connectedMs: number;
  readonly publishedMs: number;
  readonly transports: ReadonlySet<string>;
  readonly kept: KeptRooms;
}): BenchReport {
  const perSecond = (count: number, ms: number) => Math.round((count * 1_000) / Math.max(1, ms));
  return {
    plan,
    transports: [...transports],
    connected: load.connected,
    connect: { ...load.connectMs.summary(), perSecond: perSecond(load.connected, connectedMs) },
    acknowledged: {
      ...load.ackMs.summary(),
      perSecond: perSecond(load.ackMs.count, publishedMs),
    },
    delivered: {
      ...load.deliveryMs.summary(),
      perSecond: perSecond(load.deliveryMs.count, publishedMs),
    },
    undelivered: Math.max(0, load.expected - load.deliveryMs.count),
    lateMs: load.lateMs.summary().p99,
    failures: [...load.failures].map(([what, count]) => ({ what, count })),
    rooms: load.roomNames,
    kept,
  };
}
