import { expect, test } from "bun:test";
import { endOnSignal, sameSignalMs } from "../../src/cli/ending.ts";
import type { EndSignal } from "../../src/cli/terminal.ts";
import { createTerminal } from "../support/terminal.ts";

function setUp(stop: () => Promise<void>, isWatched = true) {
  const state = {
    now: 1_000,
    stops: 0,
    complaints: "",
    log: [] as string[],
    send: (_: EndSignal) => {},
  };
  const { terminal } = createTerminal({
    folder: "/",
    isWatched,
    complain: (text) => {
      state.complaints += text;
    },
    onSignal: (end) => {
      state.send = end;
    },
  });
  const note = (_: object, text: string) => void state.log.push(text);
  const counted = () => {
    state.stops += 1;
    return stop();
  };
  return { state, code: endOnSignal(terminal, counted, () => state.now, note) };
}

test("the first signal stops gently and ends with 0", async () => {
  const { state, code } = setUp(async () => {});
  state.send("SIGTERM");
  expect(await code).toBe(0);
  expect(state).toMatchObject({ stops: 1, complaints: expect.stringContaining("Stopping") });
});

test("nothing is said beside the log where nobody looks at a terminal", async () => {
  const { state, code } = setUp(async () => {}, false);
  state.send("SIGTERM");
  expect([await code, state.complaints]).toEqual([0, ""]);
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("a second %s ends at once with %d", async (signal, expected) => {
  const { state, code } = setUp(() => new Promise(() => {}));
  state.send("SIGTERM");
  state.now += sameSignalMs;
  state.send(signal);
  state.now += sameSignalMs;
  state.send(signal); // a third says nothing new
  expect(await code).toBe(expected);
  expect(state.stops).toBe(1);
  expect(state.log).toEqual([
    `Stopped at once by a second signal, ${signal}: the rest was cut off.`,
  ]);
});

test("a second signal after the end says nothing", async () => {
  const { state, code } = setUp(async () => {});
  state.send("SIGTERM");
  expect(await code).toBe(0);
  state.now += sameSignalMs;
  state.send("SIGTERM");
  expect(state.log).toEqual([]);
});

test("the same Ctrl-C arriving twice is one signal", async () => {
  const stopping = Promise.withResolvers<void>();
  const { state, code } = setUp(() => stopping.promise);
  state.send("SIGINT");
  state.now += sameSignalMs - 1;
  state.send("SIGINT");
  stopping.resolve();
  expect(await code).toBe(0);
  expect(state.stops).toBe(1);
});

test("a stop that fails is said in a sentence and ends with 1", async () => {
  const { state, code } = setUp(() => Promise.reject(new Error("The store is stuck.")));
  state.send("SIGINT");
  expect(await code).toBe(1);
  expect(state.complaints).toEndWith("Could not stop cleanly: The store is stuck.\n");
});
