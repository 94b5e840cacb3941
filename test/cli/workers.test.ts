import { afterAll, afterEach, expect, test } from "bun:test";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Role } from "../../src/cli/worker-message.ts";
import { WorkerProcess } from "../../src/cli/worker-process.ts";
import { exitCodeOf, togetherMs, Workers } from "../../src/cli/workers.ts";
import type { MeterSnapshots } from "../../src/telemetry/meter-sum.ts";
import { HeldSleep } from "../support/held-sleep.ts";
import { eventually } from "../support/poll.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const folder = createTemporaryFolder();
const running = new Set<Workers>();
let count = 0;

afterEach(() => {
  for (const workers of running) workers.kill();
  running.clear();
});

afterAll(() => folder[Symbol.dispose]());

const meter = { name: "a_total", help: "b", type: "counter", aggregator: "sum" };
const gauge = { name: "c", help: "d", type: "gauge", aggregator: "sum" };
/** What a worker that does as it should does. */
const proper = `
  const values = [{ labels: {}, value: 1 }];
  const meters = [{ ...${JSON.stringify(meter)}, values }, { ...${JSON.stringify(gauge)}, values }];
  process.on("message", ({ type, ask }) => {
    if (type === "leave") process.exit(0);
    if (type === "beat") process.send({ type: "alive" });
    if (type === "meters") process.send({ type, ask, meters });
  });
  process.send({ type: "listening", url: "here", port: 7, fingerprint: null });
`;

/** Workers that run a script, which finds its role in \`role\`. */
function create(script: string, leaveMsMax = 10_000, places = 2, beatMs = 10_000) {
  count += 1;
  const path = join(folder.path, `${count}.ts`);
  writeFileSync(path, `const role = JSON.parse(process.env.PARTYLINE_ROLE);\n${script}`);
  const lines: { fields: object; text: string }[] = [];
  const note = (fields: object, text: string) => void lines.push({ fields, text });
  const processes: WorkerProcess[] = [];
  const roles: Role[] = [];
  const asks: (() => Promise<MeterSnapshots>)[] = [];
  const workers = new Workers({
    ...{ count: places, leaveMsMax, beatMs, log: { info: note, warn: note, error: note } },
    spawn: (worker, port, gather) => {
      const role = { worker, port, fixed: { host: "", port: 0, workers: places } };
      const command = [process.execPath, path];
      const rest = { environment: process.env, gather, warn: () => {} };
      const started = new WorkerProcess({ command, role, ...rest });
      processes.push(started);
      roles.push(role);
      asks.push(gather);
      return started;
    },
  });
  running.add(workers);
  const texts = () => lines.map(({ text }) => text);
  const gather = async () => {
    const meters = (await asks[0]?.()) ?? [];
    return Object.fromEntries(meters.map(({ name, values }) => [name, values[0]?.value]));
  };
  return { workers, lines, texts, processes, roles, gather };
}

test("the first claims the port, and the others learn it", async () => {
  const { workers, roles } = create(proper);
  expect(await workers.start()).toMatchObject({ url: "here", port: 7 });
  expect(roles.map(({ worker, port }) => [worker, port])).toEqual([
    [1, null],
    [2, 7],
  ]);
  await workers.stop();
});

/** Asks what to do at SIGTERM, and ends with 3 unless others listen in its place. */
const polite = `
  process.on("SIGTERM", () => process.send({ type: "asked" }));
  process.on("message", ({ type, isReplaced }) => {
    if (type === "leave") process.exit(isReplaced ? 0 : 3);
  });
  process.send({ type: "listening", url: "here", port: 7, fingerprint: null });
`;

test("one that a signal asks to end leaves once another listens in its place", async () => {
  const { workers, processes, roles, texts } = create(polite);
  await workers.start();
  const [first] = processes;
  if (first === undefined) throw new Error("There is none.");
  process.kill(first.pid, "SIGTERM");
  expect(await first.ended).toEqual({ code: 0, signal: null });
  expect(roles.map(({ worker }) => worker)).toEqual([1, 2, 1]);
  expect(processes[2]?.listeningMs).toBeGreaterThan(0);
  expect(texts()).toEqual(["Worker 1 was sent a SIGTERM; another takes its place."]);
});

test("one that a signal asks to end leaves, too, when no other starts, and is replaced then", async () => {
  const flag = join(folder.path, "refuses");
  const { workers, processes, texts } = create(`
    if (require("node:fs").existsSync(${JSON.stringify(flag)})) process.exit(1);
    ${polite}
  `);
  await workers.start();
  writeFileSync(flag, "");
  const [first] = processes;
  if (first === undefined) throw new Error("There is none.");
  process.kill(first.pid, "SIGTERM");
  expect(await first.ended).toEqual({ code: 3, signal: null });
  rmSync(flag);
  await eventually("another", () => texts().includes("Worker 1 is back."));
  expect(texts()[1]).toStartWith("No other worker 1 starts before it leaves. Worker 1 ended: ");
});

test("one that is asked to end by the signal that ends all is not replaced", async () => {
  const { workers, processes } = create(polite);
  await workers.start();
  using _ = new HeldSleep(togetherMs); // however long it takes until all are told to stop
  for (const { pid } of processes) process.kill(pid, "SIGTERM");
  await Promise.all(processes.map(({ asked }) => asked));
  const ends = Promise.all(processes.map(({ ended }) => ended));
  await expect(workers.stop()).rejects.toThrow("ended: exit code 3.");
  expect(await ends).toEqual(Array(2).fill({ code: 3, signal: null }));
  expect(processes).toHaveLength(2);
});

test("one that refuses to start ends all with its sentence and its exit code", async () => {
  const { workers, processes, texts } = create(`
    if (role.worker === 2) {
      process.send({ type: "refused", reason: "No luck." }, undefined, undefined, () => process.exit(4));
    } else { ${proper} }
  `);
  const thrown = await workers.start().catch((error: unknown) => error);
  expect([String(thrown), exitCodeOf(thrown)]).toEqual(["WorkerRefusal: No luck.", 4]);
  expect((await processes[0]?.ended)?.signal).toBe("SIGKILL");
  expect(texts()).toEqual([]);
});

test("one that dies at once again and again comes back later each time", async () => {
  const path = join(folder.path, "started");
  const { workers, lines } = create(`
    import { existsSync } from "node:fs";
    const mustEnd = () => role.worker === 2 && existsSync(${JSON.stringify(path)});
    if (mustEnd()) process.exit(3);
    setInterval(() => mustEnd() && process.exit(3), 5);
    ${proper}
  `);
  await workers.start();
  writeFileSync(path, "");
  await eventually("three ends", () => lines.length >= 3);
  expect(lines.slice(0, 3)).toMatchObject(
    [250, 500, 1_000].map((restartMs) => ({
      fields: { worker: 2, restartMs },
      text: "Worker 2 ended: exit code 3; another takes its place.",
    })),
  );
  await workers.stop();
});

test("one that says nothing of its meters counts with what it said last, and only its totals", async () => {
  const path = join(folder.path, "mute");
  const { workers, processes, gather } = create(`
    import { existsSync } from "node:fs";
    const send = process.send.bind(process);
    const isMute = () => role.worker === 2 && existsSync(${JSON.stringify(path)});
    process.send = (message) => {
      if (message.type !== "meters" || !isMute()) send(message);
    };
    ${proper}
  `);
  await workers.start();
  /** Waits for a sum: on a busy machine an answer may come late, and then it counts the next time. */
  const sumsUpTo = (a_total: number, c: number) =>
    eventually(`${a_total} and ${c}`, async () => {
      const [first, second] = await Promise.all([gather(), gather()]);
      expect(second).toEqual(first);
      return Bun.deepEquals(first, { a_total, c });
    });
  await sumsUpTo(2, 2);
  writeFileSync(path, "");
  await sumsUpTo(2, 1);
  rmSync(path);
  processes[1]?.kill();
  await eventually("another", () => processes.length === 3 && processes[2]?.listeningMs !== null);
  await sumsUpTo(3, 2);
  await workers.stop();
});

test("one that ends while its meters are asked for keeps nobody waiting", async () => {
  const asking = 'if (type === "meters")';
  const { workers, processes, gather } = create(
    proper.replace(asking, `${asking} process.exit(0);\n${asking}`),
  );
  await workers.start();
  const hourMs = 3_600_000; // so that only their end can end this
  const taken = Promise.all(processes.map((each) => each.takeMeters(hourMs)));
  expect(await gather()).toEqual({});
  expect(await taken).toEqual([false, false]);
});

test("a start that is stopped kills those that start, and lets those leave that listen", async () => {
  const { workers, processes } = create(`
    if (role.worker === 2) await Bun.sleep(60_000);
    ${proper.replace("process.exit(0)", "setTimeout(() => process.exit(0), 300)")}
  `);
  const started = workers.start().catch(String);
  await eventually("one that starts", () => processes.length === 2);
  await workers.stop();
  expect(await started).toBe("WorkerRefusal: Worker 2 ended: signal SIGKILL.");
  expect(await processes[0]?.ended).toMatchObject({ code: 0, signal: null });
});

test("one that dies while others still start is mourned, and another takes its place", async () => {
  const path = join(folder.path, "first");
  const { workers, texts } = create(`
    import { existsSync, writeFileSync } from "node:fs";
    const begun = ${JSON.stringify(`${path}-begun`)};
    const ended = ${JSON.stringify(path)};
    if (role.worker === 2) {
      writeFileSync(begun, "");
      while (!existsSync(ended)) Bun.sleepSync(5);
    } else if (role.port === null) {
      setInterval(() => {
        if (!existsSync(begun)) return; // nobody starts the second before this one was heard
        writeFileSync(ended, "");
        process.exit(3);
      }, 5);
    }
    ${proper}
  `);
  await workers.start();
  await eventually("both", () => texts().at(-1) === "Worker 1 is back.");
  expect(texts()).toHaveLength(2);
  expect(texts()[0]).toBe("Worker 1 ended: exit code 3; another takes its place.");
  await workers.stop();
});

test("one that hangs is killed, and another takes its place", async () => {
  const path = join(folder.path, "hung");
  const { workers, texts } = create(
    `
    import { existsSync, writeFileSync } from "node:fs";
    ${proper}
    if (!existsSync(${JSON.stringify(path)})) {
      writeFileSync(${JSON.stringify(path)}, "");
      setTimeout(() => process.kill(process.pid, "SIGSTOP"), 400);
    }
  `,
    ...([10_000, 1, 200] as const),
  );
  await workers.start();
  await eventually("another", () => texts().length >= 3);
  expect(texts().slice(0, 3)).toEqual([
    "Worker 1 has not answered for 0.6 s: it is killed.",
    "Worker 1 ended: signal SIGKILL; another takes its place.",
    "Worker 1 is back.",
  ]);
});

test("a roll that is asked for while another one fails is done", async () => {
  const path = join(folder.path, "broken");
  const { workers, texts } = create(`
    import { existsSync, writeFileSync } from "node:fs";
    if (existsSync(${JSON.stringify(path)})) {
      writeFileSync(${JSON.stringify(`${path}-seen`)}, "");
      while (existsSync(${JSON.stringify(path)})) await Bun.sleep(5);
      process.exit(3);
    }
    ${proper}
  `);
  await workers.start();
  writeFileSync(path, "");
  const rolled = workers.roll();
  await eventually("a new one that fails", () => existsSync(`${path}-seen`));
  void workers.roll();
  rmSync(path);
  await rolled;
  expect(texts().map((text) => text.split(":")[0])).toEqual([
    ...["Rolling", "Rolling ended", "Rolling", "Rolled"],
  ]);
  await workers.stop();
});

test("one that ends badly takes nobody along", async () => {
  const path = join(folder.path, "left");
  const { workers } = create(`
    import { writeFileSync } from "node:fs";
    process.on("message", ({ type }) => {
      if (type !== "leave") return;
      if (role.worker === 1) process.exit(3);
      setTimeout(() => {
        writeFileSync(${JSON.stringify(path)}, "");
        process.exit(0);
      }, 300);
    });
    ${proper.replace('if (type === "leave") process.exit(0);', "")}
  `);
  await workers.start();
  await expect(workers.stop()).rejects.toThrow("worker 1 ended: exit code 3.");
  expect(existsSync(path)).toBe(true);
});

test("one that does not leave in time is killed, which is no clean end", async () => {
  const { workers, texts } = create(proper.replace('type === "leave"', "false"), 200, 1);
  await workers.start();
  await expect(workers.stop()).rejects.toThrow("worker 1 ended: signal SIGKILL.");
  expect(texts()).toEqual(["Worker 1 did not end in time: it is killed."]);
});
