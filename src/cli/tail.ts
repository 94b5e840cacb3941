/** `partyline tail`: follows rooms, and prints what is said there. */

import { connect, type Line, type Message, type Room } from "../client/index.ts";
import { isWithin } from "../client/position-order.ts";
import { show } from "../config-source.ts";
import { countKind } from "../config-value.ts";
import { parsePosition, parseSince } from "../protocol/position.ts";
import { assertRoomName } from "../protocol/room-name.ts";
import { runClient } from "./client-run.ts";
import type { Arguments, Run } from "./command.ts";
import { SetupError, type Target } from "./connection-options.ts";
import { exitCodes, signalCodes } from "./exit-codes.ts";
import { joined, tellStates } from "./line-states.ts";
import { formatMessage, formatPresence, type TextForm } from "./message-text.ts";
import { optionOf, readOption, UsageError } from "./option.ts";
import type { Terminal } from "./terminal.ts";

/** Changes of presence that may wait for a slow reader; what comes beyond is not told. */
const presencesMax = 100;

interface Plan extends TextForm {
  readonly rooms: readonly string[];
  readonly since: string | undefined;
  /** So many of the newest messages first; undefined for none. */
  readonly last: number | undefined;
  /** Ends after so many messages; undefined for never. */
  readonly count: number | undefined;
  /** Ends where the rooms ended when they were joined. */
  readonly endsNow: boolean;
  readonly tellsMembers: boolean;
  readonly isQuiet: boolean;
}

/** Somebody has read enough, as `head` does. */
class HungUp extends Error {}

/**
 * Follows rooms until a signal, or until nobody reads what it prints. Resolves to 0 then, also when it
 * has printed what it was asked for, to 1 when it was refused, to 2 for wrong flags.
 */
export const tail: Run = (given, terminal) =>
  runClient(given, terminal, (target) => follow(target, readPlan(given, terminal), terminal));

function readPlan({ operands, options, switches }: Arguments, terminal: Terminal): Plan {
  const last = readOption(options, "last", countKind("<count>", 1, 500));
  const count = readOption(options, "count", countKind("<count>", 1, Number.MAX_SAFE_INTEGER));
  const endsNow = switches.has("until-now");
  const since = optionOf(options, "since");
  if (since !== undefined && parseSince(since) === undefined) {
    const form = "start, end, or a position such as 9f3k1c:1042";
    throw new UsageError(`--since is ${show(since)}, which is not accepted; give ${form}.`);
  }
  if (since !== undefined && last !== undefined) {
    throw new UsageError("Give --since or --last, not both.");
  }
  const rooms = [...new Set(operands.map(assertRoomName))];
  return {
    rooms,
    since: since ?? (endsNow && last === undefined ? "start" : undefined),
    last,
    count,
    endsNow,
    tellsMembers: switches.has("members"),
    isQuiet: switches.has("quiet"),
    isJson: switches.has("json"),
    isColored: terminal.isColored,
    hasRooms: rooms.length > 1,
  };
}

async function follow(target: Target, plan: Plan, terminal: Terminal): Promise<number> {
  const ended = Promise.withResolvers<number>();
  terminal.onSignal((signal) => ended.resolve(signalCodes[signal]));
  terminal.onUnread(() => ended.resolve(exitCodes.ok));
  using line = connect(target.url, target.options);
  const complain = plan.isQuiet ? () => {} : terminal.complain;
  tellStates(line, target, complain, ({ sentence }) => ended.reject(new SetupError(sentence)));
  let printed = 0;
  const print = async (text: string) => {
    if (!(await terminal.print(text))) throw new HungUp();
  };
  const copy = async (room: Room) => {
    for await (const message of read(line, room, plan)) {
      if (printed === plan.count) return;
      printed += 1;
      await print(formatMessage(message, plan));
      if (printed === plan.count) ended.resolve(exitCodes.ok);
    }
  };
  const rooms = plan.rooms.map((name) => line.join(name, { since: plan.since }));
  if (plan.tellsMembers) for (const room of rooms) tellPresence(room, plan, print);
  const copied = Promise.all(rooms.map(copy)).then(() => exitCodes.ok);
  try {
    return await Promise.race([ended.promise, copied]);
  } catch (error) {
    if (error instanceof HungUp) return exitCodes.ok;
    throw error;
  }
}

async function* read(line: Line, room: Room, plan: Plan): AsyncGenerator<Message> {
  if (plan.last !== undefined) {
    const joinedAt = parsePosition(await joined(line, room));
    const before = joinedAt && `${joinedAt.epoch}:${joinedAt.offset + 1}`;
    const { messages } = await room.history({ before, limit: plan.last });
    yield* messages;
    if (plan.endsNow) return;
  }
  const end = plan.endsNow ? await newest(room) : undefined;
  if (plan.endsNow && (end === undefined || isWithin(end, plan.since ?? "") === true)) return;
  for await (const message of room) {
    yield message;
    // Of another epoch: the end that was has gone.
    if (end !== undefined && isWithin(end, message.position) !== false) return;
  }
}

async function newest(room: Room): Promise<string | undefined> {
  const { messages } = await room.history({ limit: 1 });
  return messages.at(-1)?.position;
}

function tellPresence(room: Room, form: TextForm, print: (text: string) => Promise<void>): void {
  let waiting = 0;
  room.on("presence", async (presence) => {
    if (waiting >= presencesMax) return;
    waiting += 1;
    // That nobody reads any more, the next message finds out.
    await print(formatPresence(presence, form, Date.now())).catch(() => {});
    waiting -= 1;
  });
}
