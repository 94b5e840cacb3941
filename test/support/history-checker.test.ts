import { describe, expect, test } from "bun:test";
import type { History, KeptMessage, PublishTry, ReaderEvent } from "./history.ts";
import { toMark } from "./history.ts";
import { checkHistory, checkReaders, type Rule } from "./history-checker.ts";

type Told = Extract<ReaderEvent, { kind: "message" }>;
type Gap = Extract<ReaderEvent, { kind: "gap" }>;
/** A history that may be broken. */
interface Draft {
  tries: PublishTry[];
  events: ReaderEvent[];
  here: KeptMessage[];
  there: KeptMessage[];
  presence: { kind: "listed" | "joined" | "left"; at: number; node: string; users: string[] }[];
  losses: number[];
  mayTrim: boolean;
  complaints: string[];
}

const epoch = "abc";

/** Five messages, each acknowledged before the next was begun, and a reader that came back once. */
function createDraft(): Draft {
  const numbers = [1, 2, 3, 4, 5];
  const kept = numbers.map((number) => createKept(number));
  return {
    tries: numbers.map((number) => createTry(number)),
    events: [
      stand(0, "start"),
      ...[1, 2].map((number) => told(number)),
      stand(2),
      ...[3, 4, 5].map((number) => told(number)),
      { kind: "ended", node: "anna", askedAt: 100, position: `${epoch}:5` },
    ],
    here: kept,
    there: [...kept],
    presence: [
      { kind: "listed", at: 1, node: "anna", users: ["sam", "uma"] },
      { kind: "left", at: 2, node: "anna", users: ["guest"] },
    ],
    losses: [],
    mayTrim: false,
    complaints: [],
  };
}

function createTry(number: number, changes: Partial<PublishTry> = {}): PublishTry {
  return {
    room: "hall",
    id: `m${number}`,
    mark: toMark(number),
    node: "anna",
    line: `post ${number}`,
    calledAt: number * 10,
    returnedAt: number * 10 + 5,
    acknowledgement: { position: `${epoch}:${number}`, duplicate: false },
    ...changes,
  };
}

function createKept(number: number, changes: Partial<KeptMessage> = {}): KeptMessage {
  return { position: `${epoch}:${number}`, id: `m${number}`, mark: toMark(number), ...changes };
}

function told(number: number, changes: Partial<Told> = {}): Told {
  return { kind: "message", node: "anna", ...createKept(number), ...changes };
}

function stand(offset: number, since = `${epoch}:${offset}`, recovered = true): ReaderEvent {
  const position = `${epoch}:${offset}`;
  return { kind: "stood", node: "anna", askedAt: 0, since, position, recovered };
}

function gap(changes: Partial<Gap>): Gap {
  const from = `${epoch}:2`;
  return { kind: "gap", node: "anna", at: 60, reason: "trimmed", from, to: "", ...changes };
}

/** The rules that a history breaks, each once, in alphabetical order. */
function broken(change: (draft: Draft) => void): Rule[] {
  const draft = createDraft();
  change(draft);
  return rulesOf(toHistory(draft));
}

function rulesOf(history: History): Rule[] {
  return [...new Set(checkHistory(history).map(({ rule }) => rule))].sort();
}

function toHistory({ events, here, there, presence, ...rest }: Draft): History {
  const nodes = new Map([
    ["anna", here],
    ["bert", there],
  ]);
  return {
    readers: [{ name: "reader", room: "hall", events }],
    logs: new Map([["hall", nodes]]),
    presence: [{ name: "tab", events: presence }],
    steadyUsers: ["sam", "uma"],
    ...rest,
  };
}

/** Takes something out, or puts something in its place. */
function replace<Value>(list: Value[], at: number, ...others: Value[]): void {
  list.splice(at, 1, ...others);
}

function swap<Value>(list: Value[], one: number, other: number): void {
  const [first, second] = [list[one], list[other]];
  if (first === undefined || second === undefined) throw new Error("Nothing to swap");
  [list[one], list[other]] = [second, first];
}

test("a history in which all is well breaks no rule", () => {
  expect(broken(() => {})).toEqual([]);
});

describe("a history breaks a rule where", () => {
  const inBoth = (act: (log: KeptMessage[]) => void) => (draft: Draft) => {
    act(draft.here);
    act(draft.there);
  };
  const cases: [string, (draft: Draft) => void, Rule[]][] = [
    ["a message is skipped", ({ events }) => replace(events, 5), ["order", "resume"]],
    [
      "a message comes twice",
      ({ events }) => replace(events, 5, told(4), told(4)),
      ["order", "resume"],
    ],
    ["two messages come in the wrong order", ({ events }) => swap(events, 4, 5), ["order"]],
    ["what was missed is left out", ({ events }) => replace(events, 4), ["order", "resume"]],
    ["a reader is set elsewhere", ({ events }) => replace(events, 3, stand(3)), ["order"]],
    ["what comes last is never told", ({ events }) => replace(events, 6), ["resume"]],
    [
      "what was read is read again",
      ({ events }) => replace(events, 3, told(2)),
      ["order", "resume"],
    ],
    [
      "a message is told under another id",
      ({ events }) => replace(events, 5, told(4, { id: "m3", mark: toMark(3) })),
      ["resume"],
    ],
    [
      "a message is told with other content",
      ({ events }) => replace(events, 5, told(4, { mark: "x" })),
      ["content"],
    ],
    [
      "a message is told that nobody published",
      ({ events }) => replace(events, 5, told(4, { id: "x" })),
      ["content", "resume"],
    ],
    [
      "a message of another life is told",
      ({ events }) => replace(events, 6, told(5, { position: "xyz:5" })),
      ["order", "resume"],
    ],
    ["what was acknowledged is nowhere", inBoth((log) => log.pop()), ["stored"]],
    [
      "what was acknowledged is elsewhere",
      ({ tries }) =>
        replace(
          tries,
          4,
          createTry(5, {
            returnedAt: 200,
            acknowledgement: { position: "abc:6", duplicate: false },
          }),
        ),
      ["stored"],
    ],
    ["the log has a hole", inBoth((log) => replace(log, 2)), ["order", "stored"]],
    [
      "the log has an id twice",
      (draft) => {
        draft.events.push(told(6, { id: "m1", mark: toMark(1) }));
        inBoth((log) => log.push(createKept(6, { id: "m1", mark: toMark(1) })))(draft);
      },
      ["once", "stored"],
    ],
    [
      "the log has what nobody published",
      (draft) => {
        draft.events.push(told(6));
        inBoth((log) => log.push(createKept(6)))(draft);
      },
      ["content"],
    ],
    [
      "the log has other content",
      inBoth((log) => replace(log, 1, createKept(2, { mark: "x" }))),
      ["content"],
    ],
    ["nodes keep different logs", ({ there }) => there.pop(), ["same"]],
    [
      "nodes keep something else at one place",
      ({ there }) => replace(there, 1, createKept(2, { id: "m1" })),
      ["same"],
    ],
    [
      "a duplicate is acknowledged elsewhere",
      ({ tries }) =>
        tries.push(createTry(2, { acknowledgement: { position: "abc:3", duplicate: true } })),
      ["once", "stored"],
    ],
    ["two tries are both told to be the first", ({ tries }) => tries.push(createTry(2)), ["once"]],
    [
      "what was begun later stands before",
      (draft) => {
        const late = { calledAt: 36, returnedAt: 37 };
        replace(draft.tries, 1, createTry(2, late));
      },
      ["time"],
    ],
    [
      "what was sent later over one line stands before",
      ({ tries }) => {
        const all = { line: "socket", calledAt: 1, returnedAt: 99 };
        tries.splice(0, 5, ...[2, 1, 3, 4, 5].map((number) => createTry(number, all)));
      },
      ["time"],
    ],
    [
      "an end is behind what was acknowledged",
      ({ events, tries }) => {
        tries.push(createTry(5, { acknowledgement: { position: "abc:5", duplicate: true } }));
        replace(events, 0, {
          kind: "stood",
          node: "anna",
          askedAt: 99,
          since: "end",
          position: "abc:0",
          recovered: false,
        });
      },
      ["fresh"],
    ],
    [
      "a reader is told an end where it does not stand",
      ({ events }) =>
        replace(events, 7, { kind: "ended", node: "anna", askedAt: 1, position: "abc:9" }),
      ["resume"],
    ],
    [
      "a gap is told though nothing was lost",
      ({ events }) => replace(events, 3, gap({ reason: "reset", to: "abc:2" })),
      ["gap"],
    ],
    [
      "a gap is told though nothing was trimmed",
      ({ events }) => replace(events, 4, gap({ to: "abc:3" })),
      ["gap", "resume"],
    ],
    [
      "a gap begins where the reader does not stand",
      (draft) => {
        draft.mayTrim = true;
        inBoth((log) => log.splice(0, 3))(draft);
        replace(draft.events, 4, gap({ from: "abc:1", to: "abc:3" }));
      },
      ["gap"],
    ],
    [
      "a gap names as trimmed what is kept",
      (draft) => {
        draft.mayTrim = true;
        inBoth((log) => log.splice(0, 2))(draft);
        replace(draft.events, 4, gap({ to: "abc:3" }));
      },
      ["gap"],
    ],
    [
      "a gap is owed and not told",
      ({ events, ...draft }) => {
        draft.losses.push(0);
        replace(events, 3, stand(2, "abc:2", false));
      },
      ["gap"],
    ],
    [
      "a reset keeps the epoch",
      ({ events, losses }) => {
        losses.push(0);
        replace(events, 3, gap({ reason: "reset", to: "abc:2" }));
      },
      ["gap"],
    ],
    [
      "a gap has a reason that there is not",
      ({ events }) => replace(events, 3, gap({ reason: "other", to: "abc:2" })),
      ["gap"],
    ],
    [
      "a user who is there is told to have left",
      ({ presence }) => presence.push({ kind: "left", at: 3, node: "anna", users: ["uma"] }),
      ["presence"],
    ],
    [
      "a user who is there is not in a list",
      ({ presence }) => presence.push({ kind: "listed", at: 3, node: "anna", users: ["uma"] }),
      ["presence"],
    ],
    ["a client complained", ({ complaints }) => complaints.push("internal"), ["answer"]],
  ];
  for (const [what, change, rules] of cases) {
    test(what, () => expect(broken(change)).toEqual(rules));
  }
});

describe("a history breaks no rule where", () => {
  test("what was refused is stored all the same, or is not", () => {
    const unknown = { acknowledgement: null, returnedAt: Number.POSITIVE_INFINITY };
    expect(broken(({ tries }) => replace(tries, 4, createTry(5, unknown)))).toEqual([]);
    expect(broken(({ tries }) => tries.push(createTry(6, unknown)))).toEqual([]);
  });

  test("a later try is a duplicate of the first", () => {
    const duplicate = { position: "abc:2", duplicate: true };
    const late = { calledAt: 90, returnedAt: 95, acknowledgement: duplicate };
    expect(broken(({ tries }) => tries.push(createTry(2, late)))).toEqual([]);
  });

  test("messages were trimmed, and the gap says which", () => {
    const change = (draft: Draft) => {
      draft.mayTrim = true;
      draft.here.splice(0, 3);
      draft.there.splice(0, 3);
      draft.events.splice(3, 2, stand(3, "abc:2", false), gap({ to: "abc:3" }));
    };
    expect(broken(change)).toEqual([]);
  });

  /** The first three messages were lost at 32 ms; numbering began anew with the fourth. */
  const lose = (draft: Draft) => {
    const inNew = (number: number) => ({ position: `new:${number - 3}` });
    draft.losses.push(38);
    for (const log of [draft.here, draft.there]) {
      log.splice(0, 5, createKept(4, inNew(4)), createKept(5, inNew(5)));
    }
    for (const number of [4, 5]) {
      const acknowledgement = { ...inNew(number), duplicate: false };
      replace(draft.tries, number - 1, createTry(number, { acknowledgement }));
    }
    draft.events.splice(
      3,
      5,
      gap({ reason: "reset", from: "abc:2", to: "new:0" }),
      told(4, inNew(4)),
      told(5, inNew(5)),
    );
  };

  test("all was lost, and the gap says so", () => {
    expect(broken(lose)).toEqual([]);
  });

  test("but not where it was acknowledged after the loss", () => {
    const change = (draft: Draft) => {
      lose(draft);
      draft.tries.push(createTry(9, { acknowledgement: { position: "abc:9", duplicate: false } }));
    };
    expect(broken(change)).toEqual(["stored"]);
  });
});

test("readers are checked while there is no log yet", () => {
  const draft = createDraft();
  expect(checkReaders(toHistory(draft))).toEqual([]);
  replace(draft.events, 5);
  expect(checkReaders(toHistory(draft)).map(({ rule }) => rule)).toEqual(["order"]);
});
