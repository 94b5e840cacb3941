/** `partyline serve`: starts a server, says where it is, and stops it when told to. */

import { type Config, ConfigError, type Effective, readConfig } from "../config.ts";
import type { PartylineServer } from "../server.ts";
import { version } from "../version.ts";
import type { Run } from "./command.ts";
import { endOnSignal, reasonOf } from "./ending.ts";
import { exitCodes } from "./exit-codes.ts";
import { greet, type Listening } from "./greeting.ts";
import { printConfig } from "./printed-config.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Serves until a signal comes. Resolves to 2 when a flag is wrong, to 1 when anything else keeps it
 * from starting, and says why in one sentence for each reason.
 */
export const serve: Run = async ({ flags, switches }, terminal) => {
  const { environment, folder, supervisor } = terminal;
  const given = { flags, environment, folder };
  if (supervisor !== null) return (await import("./worker.ts")).work(given, supervisor, terminal);
  let effective: Effective;
  try {
    effective = readConfig(given);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    terminal.complain(`${error.message}\n`);
    const isUsage = error.problems.some(({ place }) => place === "flag");
    return isUsage ? exitCodes.usage : exitCodes.failed;
  }
  if (switches.has("print-config")) {
    terminal.write(printConfig(effective));
    return exitCodes.ok;
  }
  const { config } = effective;
  if (config.workers > 0) return (await import("./supervisor.ts")).supervise(effective, terminal);
  return run(effective, terminal);
};

async function run(effective: Effective, terminal: Terminal): Promise<number> {
  const { config } = effective;
  const { createServer } = await import("../server.ts");
  const server = createServer(config);
  terminal.onDefect(server.report);
  const note = noteUnwatched(server, terminal);
  let isEnding = false;
  const stop = async () => {
    isEnding = true;
    const startedAt = performance.now();
    note({}, "Stopping.");
    await server.stop();
    note({ ms: Math.round(performance.now() - startedAt) }, "Stopped.");
  };
  // From now on, since signals also come while it starts.
  const ended = endOnSignal(terminal, stop, () => performance.now(), note);
  const starting = server.start();
  terminal.onHangup(() => {
    starting.then(
      () => reload(server, config),
      () => {}, // of which is told below
    );
  });
  const started = starting.then(
    (listening: Listening) => {
      note({ version, url: listening.url }, "Started.");
      // Only now: whoever reads it may stop the server at once.
      terminal.write(greet(effective, listening, terminal.isColored));
      return ended;
    },
    (error: unknown) => {
      if (isEnding) return ended;
      terminal.complain(`${reasonOf(error)}\n`);
      return exitCodes.failed;
    },
  );
  return await Promise.race([started, ended]);
}

function reload(server: PartylineServer, { tlsCert }: Config): void {
  if (tlsCert !== null) void server.reload();
  else server.note({}, "SIGHUP changes nothing: only a certificate is taken anew, or workers are.");
}

/** Who looks at a terminal sees the greeting and the prompt; in a log a start and a stop are lines. */
function noteUnwatched(server: PartylineServer, { isWatched }: Terminal): PartylineServer["note"] {
  return isWatched === true ? () => {} : server.note;
}
