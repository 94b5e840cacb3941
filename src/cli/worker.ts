/** A worker: one of the processes of `serve --workers`, which does as its supervisor says. */

import { type Config, ConfigError, readConfig } from "../config.ts";
import type { Given } from "../config-source.ts";
import type { Colleagues } from "../server.ts";
import type { MeterSnapshots } from "../telemetry/meter-sum.ts";
import { reasonOf } from "./ending.ts";
import { exitCodes } from "./exit-codes.ts";
import type { SupervisorChannel, Terminal } from "./terminal.ts";
import type { Role, SupervisorMessage, WorkerMessage } from "./worker-message.ts";

/**
 * Milliseconds for which a worker that a signal asked to end waits for another to take its place, which
 * has as long to listen; its supervisor may be of a version that knows nothing of that.
 */
const relievedMsMax = 60_000;
/** Milliseconds in which the supervisor must have gathered the meters: it gives workers 1 s. */
const gatherMsMax = 1_500;

/**
 * Serves until the supervisor says otherwise, or is gone: then nobody would replace what dies here.
 * Resolves to the exit code.
 */
export async function work(
  given: Given,
  channel: SupervisorChannel,
  terminal: Terminal,
): Promise<number> {
  const role = JSON.parse(channel.role) as Role;
  const tell = (message: WorkerMessage) => channel.send(message);
  let found: { readonly wanted: Config; readonly shared: Config };
  try {
    found = readShared(given, role);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    await tell({ type: "refused", reason: error.message });
    return exitCodes.failed;
  }
  const { wanted, shared } = found;
  const { createServer } = await import("../server.ts");
  const { promise: left, resolve: leave } = Promise.withResolvers<boolean>();
  const asked = new Map<number, (meters: MeterSnapshots | null) => void>();
  let isListening = false;
  let wasAsked = false;
  channel.onMessage((given) => {
    const message = given as SupervisorMessage;
    if (message.type === "beat") void tell({ type: "alive" });
    if (message.type === "leave") leave(message.isReplaced);
    if (message.type === "gathered") asked.get(message.ask)?.(message.meters);
    if (message.type === "meters") {
      const { ask } = message;
      void server.takeMeters().then((meters) => tell({ type: "meters", ask, meters }));
    }
  });
  // Without a supervisor its port is free at once, for the next one.
  channel.onGone(() => leave(true));
  terminal.onSignal((signal) => {
    // At Ctrl-C all processes of the terminal get it; it is the supervisor that decides.
    if (signal !== "SIGTERM") return;
    if (!isListening || wasAsked) return leave(false);
    wasAsked = true;
    void tell({ type: "asked" });
    setTimeout(() => leave(false), relievedMsMax);
  });
  terminal.onHangup(() => {});
  const colleagues: Colleagues = {
    worker: role.worker,
    gatherMeters: () => gatherMeters(tell, asked),
    warn: (sentence) => void tell({ type: "warning", sentence }),
  };
  const server = createServer(shared, colleagues, role.port === null ? "claim" : "join");
  terminal.onDefect(server.report);
  try {
    const listening = await Promise.race([server.start(), left.then(() => null)]);
    if (listening === null) {
      await server.stop(); // nobody has come who could be sent away
      return exitCodes.ok;
    }
    isListening = true;
    const { url, port, fingerprint } = listening;
    noteFixed(wanted, role, server.note);
    await tell({ type: "listening", url, port, fingerprint });
  } catch (error) {
    await tell({ type: "refused", reason: reasonOf(error) });
    return exitCodes.failed;
  }
  await server.stop(await left);
  await tell({ type: "meters", ask: null, meters: await server.takeMeters() });
  return exitCodes.ok;
}

/**
 * Reads the configuration as it is `wanted` now, and as all workers share it. What is fixed is checked
 * with the rest, as if it were given by flags: without the keys for tokens, say, or without Redis, the
 * host or the number of workers from before may not be.
 * @throws ConfigError
 */
function readShared(given: Given, role: Role): { wanted: Config; shared: Config } {
  const { config: wanted } = readConfig(given);
  const { host, port, workers } = role.fixed;
  const fixed = { host, port: String(role.port ?? port), workers: String(workers) };
  try {
    const { config: shared } = readConfig({ ...given, flags: { ...given.flags, ...fixed } });
    return { wanted, shared };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const sentence = "Of host, port and workers the values from the start still count.";
    throw new ConfigError([...error.problems, { place: "flag", sentence }]);
  }
}

async function gatherMeters(
  tell: (message: WorkerMessage) => Promise<void>,
  asked: Map<number, (meters: MeterSnapshots | null) => void>,
): Promise<MeterSnapshots | null> {
  const { promise, resolve } = Promise.withResolvers<MeterSnapshots | null>();
  const ask = Math.max(0, ...asked.keys()) + 1;
  asked.set(ask, resolve);
  const timer = setTimeout(() => resolve(null), gatherMsMax);
  void tell({ type: "gather", ask });
  const meters = await promise;
  clearTimeout(timer);
  asked.delete(ask);
  return meters;
}

/** Says what a new worker cannot take over: the others still go by what was read before. */
function noteFixed(config: Config, role: Role, note: (fields: object, text: string) => void): void {
  const { host, port, workers } = role.fixed;
  const changed = [
    ...(config.host === host ? [] : ["host"]),
    ...(config.port === port ? [] : ["port"]),
    ...(config.workers === workers ? [] : ["workers"]),
  ];
  if (changed.length === 0) return;
  note({ keys: changed }, "These keys are taken at the next start of the whole server only.");
}
