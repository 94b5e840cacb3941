/** `partyline send`: publishes a text, a file, or each line that comes. */

import { runClient } from "./client-run.ts";
import type { Run } from "./command.ts";
import type { Target } from "./connection-options.ts";
import { exitCodes, signalCodes } from "./exit-codes.ts";
import { createPaceNote } from "./pace.ts";
import { Poster } from "./post.ts";
import { sendLines } from "./send-lines.ts";
import { readContent, readSendPlan, type SendPlan } from "./send-plan.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Resolves to 0 once all is stored, to 1 when anything was refused or the server could not be reached
 * in time, and to 2 for wrong flags.
 */
export const send: Run = (given, terminal) =>
  runClient(given, terminal, (target) => {
    const plan = readSendPlan(given, terminal);
    return plan.source.kind === "lines"
      ? sendLines(target, plan, terminal)
      : sendOne(target, plan, terminal);
  });

async function sendOne(target: Target, plan: SendPlan, terminal: Terminal): Promise<number> {
  const ended = Promise.withResolvers<number>();
  terminal.onSignal((signal) => ended.resolve(signalCodes[signal]));
  const sent = publish(target, plan, terminal);
  return Promise.race([ended.promise, sent]);
}

async function publish(target: Target, plan: SendPlan, terminal: Terminal): Promise<number> {
  const { room, id = Bun.randomUUIDv7(), username, timeoutMs: withinMs } = plan;
  const complain = plan.isQuiet ? () => {} : terminal.complain;
  const body = await readContent(plan, terminal);
  const tellPace = createPaceNote(complain);
  const poster = new Poster(target, room, { username, withinMs, complain, tellPace });
  const position = await poster.publish(body, id);
  if (!plan.isQuiet) await terminal.print(`${position}\n`);
  return exitCodes.ok;
}
