/** `partyline send --lines`: publishes each line of standard input, in order and in bounded memory. */

import { connect, type Line, LineError, type Room } from "../client/index.ts";
import { limits } from "../protocol/limits.ts";
import { SetupError, type Target } from "./connection-options.ts";
import { exitCodes, signalCodes } from "./exit-codes.ts";
import { giveUpAfter, joined, tellStates } from "./line-states.ts";
import { Outbox, OutboxFailure } from "./outbox.ts";
import { createPaceNote, Pace } from "./pace.ts";
import { Poster, type PostOptions } from "./post.ts";
import { type SendPlan, toContent } from "./send-plan.ts";
import { SentCount } from "./sent-count.ts";
import type { Terminal } from "./terminal.ts";
import { splitLines } from "./text-lines.ts";

/** Over a line many are on their way at once, and keep their order; by `POST` only one does. */
const lineLimits = { countMax: 1_000, bytesMax: 4_194_304 };
const postLimits = { countMax: 1, bytesMax: 0 };
/** How long what is on its way may still take after a signal or a failure. */
const lastMs = 1_000;

/** Resolves to 0 once all lines are stored, and to 128 and its number after a signal. */
export async function sendLines(
  target: Target,
  plan: SendPlan,
  terminal: Terminal,
): Promise<number> {
  const ended = Promise.withResolvers<number>();
  terminal.onSignal((signal) => ended.resolve(signalCodes[signal]));
  let outbox: Outbox | undefined;
  using count = new SentCount(terminal, () => outbox?.acknowledged ?? 0);
  const complain = plan.isQuiet ? () => {} : count.complain;
  using line = connect(target.url, {
    ...target.options,
    username: plan.username,
    pendingMax: Number.POSITIVE_INFINITY, // the outbox bounds them
    pendingBytesMax: Number.POSITIVE_INFINITY,
  });
  tellStates(line, target, complain, ({ sentence }) => ended.reject(new SetupError(sentence)));
  giveUpAfter(line, plan.timeoutMs, ended.reject);
  const tellPace = createPaceNote(complain);
  line.on("error", ({ code, message }) => {
    if (code === "rate_limited") tellPace(message);
  });
  const copy = async () => {
    const room = line.join(plan.room);
    outbox = await createOutbox(line, room, target, plan, { complain, tellPace });
    await pushLines(line, outbox, plan, terminal, tellPace);
    await outbox.settle();
    return exitCodes.ok;
  };
  try {
    return await Promise.race([ended.promise, copy()]);
  } catch (error) {
    throw error instanceof OutboxFailure ? explain(error, line) : error;
  } finally {
    await outbox?.close(lastMs);
    if (!plan.isQuiet) {
      if (outbox?.position !== undefined) await terminal.print(`${outbox.position}\n`);
      count.end(outbox?.onWay ?? 0);
    }
  }
}

/** Says which line was not stored, and why. */
function explain({ number, reason }: OutboxFailure, line: Line): unknown {
  if (!(reason instanceof LineError || reason instanceof SetupError)) return reason;
  if (reason instanceof LineError && reason.code === "too_large") {
    const rest = "with what a frame holds besides";
    return new SetupError(
      `Line ${number} is over the limit of ${bytesMaxOf(line)} bytes, ${rest}.`,
    );
  }
  return new SetupError(`Line ${number}: ${reason.message}`);
}

function bytesMaxOf({ welcome }: Line): number {
  return welcome?.limits.frameBytesMax ?? limits.frameBytesMax;
}

/** Whoever may write but not read cannot join, and publishes by `POST`. */
async function createOutbox(
  line: Line,
  room: Room,
  target: Target,
  { room: name, username, timeoutMs: withinMs }: SendPlan,
  told: Pick<PostOptions, "complain" | "tellPace">,
): Promise<Outbox> {
  try {
    await joined(line, room);
  } catch (error) {
    if (!(error instanceof LineError && error.code === "forbidden")) throw error;
    line.close();
    const poster = new Poster(target, name, { username, withinMs, ...told });
    return new Outbox(
      (content, id) => poster.publish(JSON.stringify(content), id ?? Bun.randomUUIDv7()),
      postLimits,
    );
  }
  return new Outbox((content, id) => room.publish(content, { id }), lineLimits);
}

async function pushLines(
  line: Line,
  outbox: Outbox,
  { isJson, id }: SendPlan,
  terminal: Terminal,
  tellPace: (perSecond: number) => void,
): Promise<void> {
  const pace = new Pace(
    () => performance.now(),
    Bun.sleep,
    () => tellPace(line.welcome?.limits.messagesPerSecond ?? 0),
  );
  const follow = () => {
    const { messagesPerSecond, messagesBurst } = line.welcome?.limits ?? {};
    pace.follow(messagesPerSecond, messagesBurst);
  };
  follow();
  line.on("welcome", follow);
  let number = 0;
  for await (const text of splitLines(terminal.input(), bytesMaxOf(line))) {
    number += 1;
    if (isJson && text.trim() === "") continue; // files of JSON lines have such
    const content = toContent(text, isJson, `Line ${number}`);
    await pace.take();
    await outbox.push({
      content,
      bytes: text.length,
      id: id === undefined ? undefined : `${id}-${number}`,
      number,
    });
  }
}
