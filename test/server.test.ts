import { afterEach, beforeEach, expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type ConfigOverrides, defaultConfig } from "../src/config.ts";
import { type Colleagues, createServer } from "../src/server.ts";
import { Client } from "./support/client.ts";
import { eventually } from "./support/poll.ts";
import { Tcp } from "./support/tcp.ts";
import { createTemporaryFolder, type TemporaryFolder } from "./support/temporary-folder.ts";

const colleagues: Colleagues = { worker: 1, gatherMeters: async () => null, warn() {} };

let folder: TemporaryFolder;

beforeEach(() => {
  folder = createTemporaryFolder();
});
afterEach(() => folder[Symbol.dispose]());

function configure(overrides: ConfigOverrides) {
  const quiet = { durability: "memory", logLevel: "silent", memoryMax: 0 } as const;
  return defaultConfig({ ...quiet, data: folder.path, port: 0, ...overrides });
}

test("a port that one worker claims others join, and nobody else gets", async () => {
  const first = createServer(configure({}), colleagues, "claim");
  const { port } = await first.start();
  const second = createServer(configure({ port }), colleagues, "join");
  await second.start();
  for (const sharing of ["claim", undefined] as const) {
    const other = createServer(configure({ port }), colleagues, sharing);
    await expect(other.start()).rejects.toThrow(`Port ${port} (port) on 127.0.0.1 is taken; `);
  }
  await first.stop();
  expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200);
  await second.stop();
});

test("a server that is stopped as it starts never listens, and has closed what it opened", async () => {
  const config = configure({ durability: "process", drainDelayMs: 60_000 });
  for (const turns of [0, 1, 5, 50]) {
    const server = createServer(config);
    const starting = server.start().then(
      () => "it listens",
      (error: Error) => error.message,
    );
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    await server.stop();
    expect(await starting).toBe("The server was stopped as it started.");
    expect(readdirSync(folder.path).filter((name) => name.endsWith("-wal"))).toEqual([]);
  }
  const stopped = createServer(config);
  await stopped.stop();
  await expect(stopped.start()).rejects.toThrow("stopped as it started");
  const next = createServer(configure({ durability: "process", drainWindowMs: 0 }));
  await next.start();
  await next.stop();
});

test("who claims a port waits for others that claim one", async () => {
  const listen = () => Bun.listen({ unix: "\0partyline-claim", socket: { data() {} } });
  const other = await eventually("nobody else's turn", () => {
    try {
      return listen();
    } catch {
      return null;
    }
  });
  using program = startScript(`
    const server = createServer(${JSON.stringify(configure({}))}, {
      worker: 1, gatherMeters: async () => null, warn() {},
    }, "claim");
    process.stdout.write("starts ");
    await server.start();
    process.stdout.write("listens");
    await server.stop();
    process.exit();
  `);
  await eventually("it starts", () => program.text.includes("starts"));
  await Bun.sleep(300); // an age for a port that nobody has
  expect(program.text).toBe("starts ");
  other.stop(true);
  await eventually("it listens", () => program.text === "starts listens");
});

test("workers share the memory there is; a server of its own has all of it", async () => {
  const many = { ...configure({}), memoryMax: null, workers: 1_000_000 };
  const own = createServer(many);
  const worker = createServer(many, colleagues, "claim");
  const [{ url }, { url: workerUrl }] = [await own.start(), await worker.start()];
  await eventually("too little memory", async () => {
    return (await (await fetch(`${workerUrl}/readyz`)).text()).includes("overloaded");
  });
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  await Promise.all([own.stop(), worker.stop()]);
});

test("one that is replaced ends kept connections with an answer, then shuts the port", async () => {
  const config = configure({ drainDelayMs: 60_000, drainWindowMs: 1_000 });
  const server = createServer(config, colleagues, "claim");
  const { port, url } = await server.start();
  const client = new Client(`${url.replace("http", "ws")}/ws`);
  await client.next("welcome");
  using kept = new Tcp(port);
  kept.request("GET /livez HTTP/1.1");
  await kept.match(/"ok"/);
  expect(kept.text).not.toMatch(/connection: close/i);
  using slow = new Tcp(port);
  const head = ["Content-Length: 10", "Content-Type: text/plain", "Expect: 100-continue"];
  slow.request("POST /rooms/hall/messages HTTP/1.1", ...head);
  await slow.match(/^HTTP\/1.1 100 /);

  const stopped = server.stop(true);
  kept.request("GET /rooms/hall/members HTTP/1.1");
  await kept.match(/HTTP\/1.1 200 OK\r\n(?:.*\r\n)*connection: close/i);
  await kept.closed();
  await client.next("draining"); // long before the delay of a minute is over
  expect(await client.end()).toMatchObject({ code: 1012 });
  await expect(fetch(url)).rejects.toThrow();
  slow.write("slow coach");
  await slow.match(/HTTP\/1.1 201 /);
  await stopped;
});

test("without the meters of the others a worker shows its own", async () => {
  const server = createServer(configure({}), colleagues, "claim");
  const { url } = await server.start();
  expect(await (await fetch(`${url}/metrics`)).text()).toContain("\npartyline_workers 1\n");
  const meters = await server.takeMeters();
  expect(meters.find(({ name }) => name === "partyline_workers")?.values).toMatchObject([
    { value: 1 },
  ]);
  await server.stop();
});

/** Runs a script that has `createServer` in a process of its own, and gathers what it prints. */
function startScript(script: string): Disposable & { readonly text: string } {
  const path = join(folder.path, "script.ts");
  const server = resolve(import.meta.dir, "../src/server.ts");
  writeFileSync(path, `import { createServer } from ${JSON.stringify(server)};\n${script}`);
  const child = Bun.spawn([process.execPath, path], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  const read = async () => {
    for await (const chunk of child.stdout) text += Buffer.from(chunk).toString();
  };
  void read();
  return {
    get text() {
      return text;
    },
    [Symbol.dispose]: () => child.kill("SIGKILL"),
  };
}
