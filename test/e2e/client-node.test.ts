import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { buildClient } from "../../public/build.ts";
import { FaultProxy } from "../support/fault-proxy.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const node = Bun.which("node");
const socketPackage = join(import.meta.dir, "../../node_modules/ws/wrapper.mjs");

/** Joins a room, and does what it is told a line at a time on its standard input. */
const program = (prelude: string, options: string) => `
${prelude}
import { createInterface } from "node:readline";
import { connect } from ${JSON.stringify("./client.js")};

const tell = (fact) => console.log(JSON.stringify(fact));
const line = connect(process.argv[2], ${options});
line.on("state", ({ name, transport }) => tell({ state: name, transport }));
const room = line.join("general", { since: "start" });
room.on("message", ({ content, position }) => tell({ content, position }));
room.on("gap", (gap) => tell({ gap }));
const input = createInterface({ input: process.stdin });
input.on("line", async (text) => {
  if (text === "retry") line.retry();
  else if (text !== "close") tell({ published: await room.publish(text) });
  else {
    line.close();
    input.close();
    process.stdin.destroy();
    tell({ closed: line.state });
  }
});
`;

/** What the program tells: one of these at a time. */
interface Fact {
  readonly state?: string;
  readonly transport?: string;
  readonly content?: string;
  readonly position?: string;
  readonly published?: string;
  readonly gap?: unknown;
}

async function startProgram(runtime: string, serverUrl: string, url: string, text: string) {
  const folder = createTemporaryFolder();
  const module = await (await fetch(`${serverUrl}/client.js`)).text();
  await Bun.write(join(folder.path, "client.js"), module);
  await Bun.write(join(folder.path, "package.json"), '{"type":"module"}');
  await Bun.write(join(folder.path, "program.js"), text);
  const child = Bun.spawn([runtime, join(folder.path, "program.js"), url], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const facts: Fact[] = [];
  const complaints = new Response(child.stderr).text();
  const readAll = async () => {
    let rest = "";
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + part).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) facts.push(JSON.parse(line));
    }
  };
  const reading = readAll();
  return {
    facts,
    contents: () => facts.flatMap(({ content }) => (content === undefined ? [] : [content])),
    say(text: string) {
      child.stdin.write(`${text}\n`);
      child.stdin.flush();
    },
    async end() {
      const code = await child.exited;
      await reading;
      return { code, complaints: await complaints };
    },
    [Symbol.dispose]() {
      child.kill("SIGKILL");
      folder[Symbol.dispose]();
    },
  };
}

const withSocket = program(
  `import { WebSocket } from ${JSON.stringify(socketPackage)};`,
  "{ WebSocket }",
);
const cases = [
  { name: "in Node with the class of ws", runtime: node, text: withSocket, transport: "websocket" },
  {
    name: "in Node without a WebSocket",
    runtime: node,
    text: program("delete globalThis.WebSocket;", "{}"),
    transport: "sse",
  },
  { name: "in Bun", runtime: process.execPath, text: program("", "{}"), transport: "websocket" },
];

describe("the client as it is served", () => {
  beforeAll(() => buildClient(join(import.meta.dir, "../../dist/web")));

  for (const { name, runtime, text, transport } of cases) {
    test.skipIf(runtime === null)(
      `${name} publishes, resumes over cuts, and lets the process end`,
      async () => {
        await using server = await TestServer.start({ durability: "process" });
        using proxy = new FaultProxy(server.port);
        using child = await startProgram(runtime ?? "", server.url, proxy.url, text);
        await eventually("an open line", () => child.facts.some(({ state }) => state === "open"));
        expect(child.facts.find(({ state }) => state === "open")?.transport).toBe(transport);
        child.say("one");
        await eventually("one", () => child.contents().length === 1);
        for (let round = 0; round < 3; round += 1) {
          proxy.faults.isRefusing = true;
          proxy.cut(round === 1 ? "fin" : "rst");
          await eventually("a wait", () => child.facts.at(-1)?.state === "waiting");
          child.say(`own ${round}`);
          await server.publish("general", `missed ${round}`);
          proxy.heal();
          child.say("retry");
          await eventually("both", () => child.contents().length === 3 + 2 * round);
        }
        await eventually("four acknowledgements", () => {
          return child.facts.filter(({ published }) => published !== undefined).length === 4;
        });
        const kept = await server.json("/rooms/general/messages");
        const told = child.facts.flatMap(({ content, position }) =>
          content === undefined ? [] : [{ content, position }],
        );
        expect(told).toEqual(
          kept.messages.map(({ content, position }: Fact) => ({ content, position })),
        );
        expect(child.facts.filter(({ gap }) => gap !== undefined)).toEqual([]);
        child.say("close");
        const start = performance.now();
        expect(await child.end()).toEqual({ code: 0, complaints: "" });
        expect(performance.now() - start).toBeLessThan(3_000);
      },
      30_000,
    );
  }
});
