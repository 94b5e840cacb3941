/** Holds the history of a run over several nodes to what the server promises, room by room. */

import {
  type History,
  type KeptMessage,
  type PublishTry,
  type ReaderEvent,
  type ReaderHistory,
  toPlace,
} from "./history.ts";

/** The promises, each by a word. */
export const rules = [
  "order", // on one reader: in order, each once, nothing skipped
  "gap", // a gap that is not true, or that need not be
  "stored", // acknowledged, and not in the log, or elsewhere
  "resume", // over all connections of a reader: all of it, once
  "once", // the same id at two places
  "content", // other than what was published, or never published
  "time", // stored before what was acknowledged before it was begun
  "fresh", // an end that is behind what was acknowledged
  "same", // the log differs from node to node
  "presence", // a user who was there all the time is told to be gone
  "answer", // a refusal that nobody should ever see
] as const;

/** Which promise was broken. */
export type Rule = (typeof rules)[number];

/** One broken promise, for people. */
export interface Violation {
  readonly rule: Rule;
  readonly text: string;
}

type Tell = (rule: Rule, text: string) => void;

/** Checks all rules. Returns what was broken, nothing when all is well. */
export function checkHistory(history: History): Violation[] {
  const violations: Violation[] = [];
  const tell: Tell = (rule, text) => violations.push({ rule, text });
  const triesByRoom = Map.groupBy(history.tries, ({ room }) => room);
  const rooms = new Set([...triesByRoom.keys(), ...history.logs.keys()]);
  for (const { room } of history.readers) rooms.add(room);
  for (const room of rooms) {
    const nodes = history.logs.get(room) ?? new Map<string, readonly KeptMessage[]>();
    const log = [...nodes.values()][0] ?? [];
    const tries = triesByRoom.get(room) ?? [];
    checkNodes(room, nodes, history, tell);
    checkLog(room, log, tries, tell);
    checkAcknowledgements(room, log, tries, history, tell);
    checkTime(room, log, tries, tell);
    const marks = toMarks(tries);
    const ends = toEnds(tries);
    for (const reader of history.readers.filter((each) => each.room === room)) {
      checkReading(reader, marks, history, tell);
      checkEnds(reader, ends, history, tell);
      checkWhole(reader, log, history, tell);
    }
  }
  checkPresence(history, tell);
  for (const complaint of history.complaints) tell("answer", complaint);
  return violations;
}

/** Checks what can be checked while a run goes on: what each reader was told, and presence. */
export function checkReaders(history: Omit<History, "logs">): Violation[] {
  const violations: Violation[] = [];
  const tell: Tell = (rule, text) => violations.push({ rule, text });
  const tries = Map.groupBy(history.tries, ({ room }) => room);
  const marks = new Map([...tries].map(([room, each]) => [room, toMarks(each)]));
  const whole = { ...history, logs: new Map() };
  for (const reader of history.readers) {
    checkReading(reader, marks.get(reader.room) ?? new Map(), whole, tell);
  }
  checkPresence(whole, tell);
  for (const complaint of history.complaints) tell("answer", complaint);
  return violations;
}

/** Every node tells the same log. */
function checkNodes(
  room: string,
  nodes: ReadonlyMap<string, readonly KeptMessage[]>,
  { mayTrim }: History,
  tell: Tell,
): void {
  // What was read later may begin later, too.
  const kept = Math.min(...[...nodes.values()].map(({ length }) => length));
  const [first, ...others] = [...nodes].map(
    ([node, log]) => [node, mayTrim ? log.slice(log.length - kept) : log] as const,
  );
  if (first === undefined) return;
  const [firstNode, firstLog] = first;
  for (const [node, log] of others) {
    const at = firstLog.findIndex((each, index) => !isSame(each, log[index]));
    if (at < 0 && log.length === firstLog.length) continue;
    const [here, there] = [firstLog[at], log[at]].map((each) => JSON.stringify(each));
    const lengths = `${firstLog.length} and ${log.length} messages`;
    tell("same", `${room}: ${firstNode} and ${node} keep ${lengths}: ${here} and ${there}`);
  }
}

/** The log has no hole, no id twice, and nothing that nobody published. */
function checkLog(
  room: string,
  log: readonly KeptMessage[],
  tries: readonly PublishTry[],
  tell: Tell,
): void {
  const marks = toMarks(tries);
  const places = new Map<string, string>();
  let previous: KeptMessage | undefined;
  for (const kept of log) {
    const { position, id, mark } = kept;
    if (previous !== undefined && !follows(previous.position, position)) {
      tell("order", `${room}: the log has ${position} after ${previous.position}`);
    }
    previous = kept;
    const other = places.get(id);
    if (other !== undefined) tell("once", `${room}: "${id}" is at ${other} and at ${position}`);
    places.set(id, position);
    const expected = marks.get(id);
    if (expected === undefined) tell("content", `${room}: nobody published "${id}", ${position}`);
    else if (expected !== mark) tell("content", `${room}: "${id}" is ${mark}, not ${expected}`);
  }
}

/** What was acknowledged is in the log, once, where the acknowledgements said. */
function checkAcknowledgements(
  room: string,
  log: readonly KeptMessage[],
  tries: readonly PublishTry[],
  { losses, mayTrim }: History,
  tell: Tell,
): void {
  const places = new Map(log.map(({ id, position }) => [id, position]));
  const first = log[0] === undefined ? null : toPlace(log[0].position);
  const epoch = first?.epoch;
  const lostUntil = Math.max(Number.NEGATIVE_INFINITY, ...losses);
  for (const [id, same] of Map.groupBy(tries, (each) => each.id)) {
    const given = new Map<string, PublishTry>();
    for (const each of same) {
      const { acknowledgement, returnedAt, node } = each;
      if (acknowledgement === null) continue;
      const { position } = acknowledgement;
      const place = toPlace(position);
      const isTrimmed = mayTrim && place.epoch === epoch && place.offset < (first?.offset ?? 0);
      if (isTrimmed) continue; // then it may be published anew
      const other = given.get(place.epoch);
      given.set(place.epoch, other ?? each);
      if (other !== undefined && other.acknowledgement?.position !== position && !mayTrim) {
        const told = `${other.acknowledgement?.position} by ${other.node}`;
        tell("once", `${room}: "${id}" was acknowledged at ${told} and at ${position} by ${node}`);
      }
      if (places.get(id) === position) continue;
      const mayBeLost = place.epoch !== epoch && each.calledAt <= lostUntil;
      if (mayBeLost) continue;
      const found = places.get(id) ?? "nowhere";
      const when = `acknowledged by ${node} at ${returnedAt.toFixed(0)} ms`;
      tell("stored", `${room}: "${id}" is ${found}, ${when} at ${position}`);
    }
    if (!mayTrim) checkFirst(room, id, same, tell);
  }
}

/** Of all tries of one message in one life at most one was told that it is the first. */
function checkFirst(room: string, id: string, same: readonly PublishTry[], tell: Tell): void {
  const firsts = same.filter(({ acknowledgement: ack }) => ack !== null && !ack.duplicate);
  const epochs = Map.groupBy(firsts, (each) => each.acknowledgement?.position.split(":")[0]);
  for (const [epoch, { length }] of epochs) {
    if (length > 1) tell("once", `${room}: "${id}" was the first ${length} times in ${epoch}`);
  }
}

/**
 * What was acknowledged before another publish was begun stands before it; and what was sent later over
 * one line stands later, as far as both were stored by that.
 */
function checkTime(
  room: string,
  log: readonly KeptMessage[],
  tries: readonly PublishTry[],
  tell: Tell,
): void {
  const byId = Map.groupBy(tries, ({ id }) => id);
  let earliest = Number.POSITIVE_INFINITY;
  let earliestId = "";
  for (const { id, position } of log.toReversed()) {
    const same = byId.get(id) ?? [];
    const begun = Math.min(...same.map(({ calledAt }) => calledAt));
    if (earliest < begun) {
      const what = `"${id}" at ${position} was begun after "${earliestId}" was acknowledged`;
      tell("time", `${room}: ${what}, and stands before it`);
    }
    for (const { acknowledgement, returnedAt } of same) {
      if (acknowledgement?.position !== position) continue;
      if (returnedAt < earliest) [earliest, earliestId] = [returnedAt, id];
    }
  }
  const stored = tries.filter(({ acknowledgement }) => acknowledgement?.duplicate === false);
  for (const [line, sent] of Map.groupBy(stored, (each) => each.line)) {
    let previous = { epoch: "", offset: 0 };
    for (const { id, acknowledgement } of sent) {
      const place = toPlace(acknowledgement?.position ?? "");
      if (place.epoch === previous.epoch && place.offset < previous.offset) {
        tell("time", `${room}: "${id}" overtook what was sent before it over ${line}`);
      }
      previous = place;
    }
  }
}

/** What one reader was told, in the order in which it was told. */
function checkReading(
  { name, room, events }: ReaderHistory,
  marks: ReadonlyMap<string, string>,
  history: History,
  tell: Tell,
): void {
  let stands: string | null = null;
  /** Where it stood before it was told of a loss, whose gap is to come next. */
  let owed: string | null = null;
  const who = `${room}: ${name}`;
  for (const event of events) {
    if (owed !== null && (event.kind !== "gap" || event.to !== stands)) {
      tell("gap", `${who} was not told of the gap to ${stands}, but ${describe(event)}`);
    }
    switch (event.kind) {
      case "stood":
        if (event.recovered && stands !== null && event.position !== stands) {
          tell("order", `${who} comes back to ${stands} and stands at ${event.position}`);
        }
        owed = !event.recovered && event.since === stands ? stands : null;
        stands = event.position;
        break;
      case "ended":
        if (stands !== null && stands !== event.position) {
          tell("resume", `${who} has read to ${stands} and is told the end is ${event.position}`);
        }
        break;
      case "gap":
        checkGap(who, event, owed ?? stands, history, tell);
        [stands, owed] = [event.to, null];
        break;
      case "message": {
        const mark = marks.get(event.id);
        if (mark === undefined) tell("content", `${who} read "${event.id}", published by nobody`);
        else if (mark !== event.mark) {
          tell("content", `${who} read "${event.id}" as ${event.mark}, not ${mark}`);
        }
        if (stands !== null && !follows(stands, event.position)) {
          tell("order", `${who} stands at ${stands} and reads ${event.position} (${event.node})`);
        }
        [stands, owed] = [event.position, null];
      }
    }
  }
  if (owed !== null) tell("gap", `${who} was never told of the gap to ${stands}`);
}

/** A gap names where the reader stood, and is of something that did happen. */
function checkGap(
  who: string,
  gap: Extract<ReaderEvent, { kind: "gap" }>,
  stands: string | null,
  { losses, mayTrim, logs }: History,
  tell: Tell,
): void {
  const what = `${who} at ${stands} was told of a gap (${gap.reason}) from ${gap.from} to ${gap.to}`;
  if (stands !== null && gap.from !== stands) tell("gap", `${what}, where it does not stand`);
  const from = gap.from === null ? null : toPlace(gap.from);
  const to = toPlace(gap.to);
  if (gap.reason === "reset") {
    if (!losses.some((at) => at <= gap.at)) tell("gap", `${what}, and nothing was lost`);
    else if (from?.epoch === to.epoch) tell("gap", `${what}, in the same epoch`);
    return;
  }
  if (gap.reason !== "trimmed") return tell("gap", `${what}, which is no reason`);
  if (!mayTrim) return tell("gap", `${what}, and nothing was trimmed`);
  if (from !== null && (from.epoch !== to.epoch || from.offset >= to.offset)) {
    return tell("gap", `${what}, which is none`);
  }
  const log = [...(logs.get(who.slice(0, who.indexOf(": ")))?.values() ?? [])][0] ?? [];
  const isKept = log.some(({ position }) => {
    const { epoch, offset } = toPlace(position);
    return epoch === to.epoch && offset > (from?.offset ?? 0) && offset <= to.offset;
  });
  if (isKept) tell("gap", `${what}, and some of it is kept`);
}

/** An end is no less than what was acknowledged before it was asked for. */
function checkEnds(
  { name, room, events }: ReaderHistory,
  ends: readonly { readonly at: number; readonly position: string }[],
  { losses }: History,
  tell: Tell,
): void {
  for (const event of events) {
    if (event.kind !== "ended" && (event.kind !== "stood" || event.since !== "end")) continue;
    const { epoch, offset } = toPlace(event.position);
    const position = lastBefore(ends, event.askedAt);
    if (position === undefined) continue;
    const acknowledged = toPlace(position);
    const isOther = acknowledged.epoch !== epoch;
    if (isOther ? losses.length > 0 : acknowledged.offset <= offset) continue;
    const told = `${room}: ${name} was told by ${event.node} that ${event.position} is the end`;
    tell("fresh", `${told}, and ${position} was acknowledged before it asked`);
  }
}

/** What was acknowledged last before a time; `ends` are in the order of time. */
function lastBefore(
  ends: readonly { readonly at: number; readonly position: string }[],
  time: number,
): string | undefined {
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ends[middle]?.at ?? 0) < time) low = middle + 1;
    else high = middle;
  }
  return ends[low - 1]?.position;
}

/** From its first message on a reader was told all that is in the log, once. */
function checkWhole(
  { name, room, events }: ReaderHistory,
  log: readonly KeptMessage[],
  { losses, mayTrim }: History,
  tell: Tell,
): void {
  const told = events.filter((event) => event.kind === "message");
  const counts = new Map<string, number>();
  for (const { position } of told) counts.set(position, (counts.get(position) ?? 0) + 1);
  for (const [position, count] of counts) {
    if (count > 1) tell("resume", `${room}: ${name} was told ${position} ${count} times`);
  }
  const last = events.findLast(({ kind }) => kind === "gap");
  const begins = events.find(({ kind }) => kind === "stood" || kind === "gap");
  const isCut = losses.length > 0 || mayTrim;
  const from = isCut && last !== undefined ? last : begins;
  const start = from === undefined ? told[0]?.position : "to" in from ? from.to : positionOf(from);
  if (start === undefined) {
    if (log.length > 0) tell("resume", `${room}: ${name} was told nothing of ${log.length}`);
    return;
  }
  const { epoch, offset } = toPlace(start);
  const first = from === undefined ? offset - 1 : offset;
  const ids = new Map(told.map(({ position, id }) => [position, id]));
  for (const { position, id } of log) {
    const place = toPlace(position);
    if (place.epoch !== epoch && isCut) continue;
    if (place.epoch === epoch && place.offset <= first) continue;
    const heard = ids.get(position);
    if (heard === undefined) tell("resume", `${room}: ${name} was never told ${position}`);
    else if (heard !== id) {
      tell("resume", `${room}: ${name} was told "${heard}" at ${position}, where "${id}" is kept`);
    }
  }
}

/** Whoever was there all the time is in every list, and is never told to be gone. */
function checkPresence({ presence, steadyUsers }: History, tell: Tell): void {
  for (const { name, events } of presence) {
    for (const { kind, users, node, at } of events) {
      const when = `by ${node} at ${at.toFixed(0)} ms`;
      for (const user of steadyUsers) {
        if (kind === "left" && users.includes(user)) {
          tell("presence", `${name} was told ${when} that ${user} left`);
        } else if (kind === "listed" && !users.includes(user)) {
          tell("presence", `${name} was told ${when} who is there: not ${user}`);
        }
      }
    }
  }
}

function toMarks(tries: readonly PublishTry[]): Map<string, string> {
  return new Map(tries.map(({ id, mark }) => [id, mark]));
}

/** The acknowledged positions in the order in which they were given, highest so far of each epoch. */
function toEnds(tries: readonly PublishTry[]): { at: number; position: string }[] {
  const ends: { at: number; position: string }[] = [];
  const highest = new Map<string, number>();
  const given = tries
    .filter(({ acknowledgement }) => acknowledgement !== null)
    .toSorted((a, b) => a.returnedAt - b.returnedAt);
  for (const { acknowledgement, returnedAt } of given) {
    const position = acknowledgement?.position ?? "";
    const { epoch, offset } = toPlace(position);
    if (offset <= (highest.get(epoch) ?? 0)) continue;
    highest.set(epoch, offset);
    ends.push({ at: returnedAt, position });
  }
  return ends;
}

function follows(before: string, after: string): boolean {
  const [from, to] = [toPlace(before), toPlace(after)];
  return from.epoch === to.epoch && to.offset === from.offset + 1;
}

function isSame(one: KeptMessage, other: KeptMessage | undefined): boolean {
  return one.position === other?.position && one.id === other.id && one.mark === other.mark;
}

function positionOf(event: ReaderEvent): string {
  return event.kind === "gap" ? event.to : event.position;
}

function describe(event: ReaderEvent): string {
  return `${event.kind} ${positionOf(event)}`;
}
