/** `partyline serve`: starts a server, says where it is, and stops it when told to. */

import { ConfigError, type Effective, readConfig } from "../config.ts";
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
  if (config.workers > 0) return (await import("./supervisor.ts")).supervise(config, terminal);
  return run(effective, terminal);
};

async function run({ config }: Effective, terminal: Terminal): Promise<number> {
  const { createServer } = await import("../server.ts");
  const server = createServer(config);
  terminal.onDefect(server.report);
  let listening: Listening;
  try {
    listening = await server.start();
  } catch (error) {
    terminal.complain(`${reasonOf(error)}\n`);
    return exitCodes.failed;
  }
  // Only with files that may change: a server without them ends with the terminal it was started in.
  if (config.tlsCert !== null) terminal.onHangup(() => void server.reload());
  const note = noteUnwatched(server, terminal);
  const stop = async () => {
    const startedAt = performance.now();
    note({}, "Stopping.");
    await server.stop();
    note({ ms: Math.round(performance.now() - startedAt) }, "Stopped.");
  };
  const ended = endOnSignal(terminal, stop, () => performance.now());
  note({ version, url: listening.url }, "Started.");
  // Only now: whoever reads it may stop the server at once.
  terminal.write(greet(config, listening, terminal.isColored));
  return ended;
}

/** Who looks at a terminal sees the greeting and the prompt; in a log a start and a stop are lines. */
function noteUnwatched(server: PartylineServer, { isWatched }: Terminal): PartylineServer["note"] {
  return isWatched === true ? () => {} : server.note;
}
