/** `partyline send`: what is stored, what it prints, and how it ends. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ClientProgram, runClientProgram } from "../support/client-program.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { createToken, withTokens } from "../support/tokens.ts";

const seconds = 20_000;
let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start({ frameBytesMax: 4_096 });
});
afterAll(() => server[Symbol.asyncDispose]());

function send(given: string[], input?: string | Uint8Array) {
  return runClientProgram(server.url, ["send", ...given], input);
}

async function contentsOf(room: string): Promise<unknown[]> {
  const { messages } = await server.json(`/rooms/${room}/messages?limit=500`);
  return messages.map((message: { content?: unknown; bytes?: string }) =>
    message.bytes === undefined ? message.content : Buffer.from(message.bytes, "base64"),
  );
}

describe("one message", () => {
  test.each<[string, string[], string | Uint8Array, unknown]>([
    ["text", ["hello"], "", "hello"],
    ["text-empty", [""], "", ""],
    ["text-dash", ["--", "-5"], "", "-5"],
    ["json", ["--json", '{"n":[1]}'], "", { n: [1] }],
    ["input", [], "from a pipe\nof two lines\n", "from a pipe\nof two lines"],
    ["input-dash", ["-"], "said\r\n", "said"],
    ["input-json", ["--json", "-"], "[1,\n2]\n", [1, 2]],
    ["bytes", ["--file", "-"], Uint8Array.of(0, 255, 10), Buffer.of(0, 255, 10)],
  ])(
    "by %s is stored, and its position printed",
    async (room, given, input, content) => {
      const { code, out, err } = await send([room, ...given], input);
      expect([code, err]).toEqual([0, ""]);
      expect(out).toMatch(/^[0-9a-z]+:1\n$/);
      expect(await contentsOf(room)).toEqual([content]);
    },
    seconds,
  );

  test(
    "of a file has its bytes, and one said twice by its id is stored once",
    async () => {
      using folder = createTemporaryFolder();
      const path = join(folder.path, "data.bin");
      writeFileSync(path, Uint8Array.of(1, 2, 3));
      const first = await send(["files", "--file", path, "--id", "only"]);
      const second = await send(["files", "--file", path, "--id", "only"]);
      expect([second.code, second.out]).toEqual([0, first.out]);
      expect(await contentsOf("files")).toEqual([Buffer.of(1, 2, 3)]);
      const { out } = await send(["files", "--quiet", "--username", "Ada", "x"]);
      expect(out).toBe("");
      const { messages } = await server.json("/rooms/files/messages");
      expect(messages.at(-1).from.name).toBe("Ada");
    },
    seconds,
  );

  test.each<[string[], string | Uint8Array, number, string]>([
    [["r", "--json", "{bad"], "", 1, "The text is not JSON."],
    [["r"], "", 1, "Standard input is empty: nothing was sent."],
    [["r"], Uint8Array.of(0xff), 1, "Standard input is not UTF-8; --file - sends it as bytes."],
    [["r", "--file", "/nonexistent"], "", 1, "/nonexistent is not a file."],
    [["r", "--file", "-"], new Uint8Array(4_097), 1, "The body is over the limit of 4096 bytes."],
    [["r", "text", "--file", "-"], "", 2, "Give a text or --file, not both."],
    [["r", "text", "--lines"], "", 2, "--lines reads standard input; leave the text away."],
    [["r", "text", "--timeout", "soon"], "", 2, '--timeout is "soon", which is not accepted'],
    [["a b", "text"], "", 1, "A room's name is"],
    [
      ["r", "text", "--url", "ftp://x"],
      "",
      2,
      '--url is "ftp://x", which is not a server\'s address; give an address such as http://',
    ],
  ])(
    "%j is refused in a sentence",
    async (given, input, expected, sentence) => {
      const { code, out, err } = await send(given, input);
      expect([code, out]).toEqual([expected, ""]);
      expect(err).toStartWith(sentence);
    },
    seconds,
  );

  test(
    "to a server that is not there is given up in time, and was not stored",
    async () => {
      const given = ["send", "r", "text", "--id", "mine", "--timeout", "300ms"];
      const { code, err } = await runClientProgram("http://127.0.0.1:1", given);
      expect(code).toBe(1);
      expect(err).toContain("Nothing listens at http://127.0.0.1:1.");
      expect(err).toContain("Gave up after 0.3 s. The message was not stored.");
    },
    seconds,
  );

  test(
    "that may have arrived is given up with what is not known, and can be said again",
    async () => {
      // It takes what is sent, and is gone before it says anything.
      using silent = Bun.listen({
        hostname: "127.0.0.1",
        port: 0,
        socket: { data: (socket) => void socket.terminate() },
      });
      const given = ["send", "r", "text", "--id", "mine", "--timeout", "300ms"];
      const { code, err } = await runClientProgram(`http://127.0.0.1:${silent.port}`, given);
      expect(code).toBe(1);
      expect(err).toContain(
        "Gave up after 0.3 s. Whether the message is stored is not known; --id mine",
      );
    },
    seconds,
  );

  test(
    "that is refused for its pace waits, and says why once",
    async () => {
      let refusals = 0;
      using strict = Bun.serve({
        hostname: "127.0.0.1",
        port: 0,
        fetch() {
          refusals += 1;
          if (refusals > 2) return Response.json({ position: "e:1" }, { status: 201 });
          const problem = { code: "rate_limited", detail: "Too many publishes.", retryAfterMs: 1 };
          return Response.json(problem, { status: 429 });
        },
      });
      const { code, out, err } = await runClientProgram(strict.url.origin, ["send", "r", "text"]);
      const why = "The server bounds the pace, so this waits: Too many publishes.\n";
      expect([code, out, err]).toEqual([0, "e:1\n", why]);
    },
    seconds,
  );
});

describe("lines", () => {
  test(
    "are stored in order, each one a message, and counted",
    async () => {
      const lines = Array.from({ length: 1_500 }, (_, index) => `line ${index} €`);
      const { code, out, err } = await send(["lines", "--lines"], `${lines.join("\n")}\r\n\nlast`);
      expect([code, err]).toEqual([0, `Connected to ${server.url}.\n1,502 sent.\n`]);
      expect(out).toMatch(/^[0-9a-z]+:1502\n$/);
      expect(await contentsOf("lines")).toEqual([...lines.slice(-498), "", "last"]);
    },
    seconds,
  );

  test(
    "of JSON are contents, and with an id may be sent again without being said twice",
    async () => {
      const input = '{"n":1}\n\n[2]\n';
      const given = ["json-lines", "--lines", "--json", "--id", "import"];
      const [first, second] = [await send(given, input), await send(given, input)];
      expect([first.code, second.code, second.out]).toEqual([0, 0, first.out]);
      expect(await contentsOf("json-lines")).toEqual([{ n: 1 }, [2]]);
    },
    seconds,
  );

  test.each<[string, string[], string | Uint8Array, string]>([
    ["bad-json", ["--json"], "1\n{bad\n3\n", "Line 2 is not JSON."],
    ["bad-text", [], Uint8Array.of(0x61, 0x0a, 0xff, 0x0a), "Line 2 is not UTF-8;"],
    ["too-long", [], `a\n${"x".repeat(4_097)}\nb\n`, "Line 2 is over the limit of 4096 bytes."],
    [
      "too-large",
      [],
      `a\n${"x".repeat(4_090)}\nb\n`,
      "Line 2 is over the limit of 4096 bytes, with what",
    ],
  ])(
    "end at the first that cannot be sent: %s",
    async (room, flags, input, sentence) => {
      const { code, err } = await send([room, "--lines", ...flags], input);
      expect(code).toBe(1);
      expect(err).toContain(sentence);
      expect((await contentsOf(room))[0]).toEqual(flags.length > 0 ? 1 : "a");
    },
    seconds,
  );

  test(
    "go out as they come, and Ctrl-C tells how many did",
    async () => {
      using program = new ClientProgram(server.url, ["send", "--lines", "typed"]);
      const { stdin } = program.process;
      for (const line of ["one", "two"]) {
        stdin.write(`${line}\n`);
        await stdin.flush();
        await eventually(line, async () => (await contentsOf("typed")).at(-1) === line);
      }
      const { code, err } = await program.end("SIGINT");
      expect(code).toBe(130);
      expect(err).toEndWith("2 sent.\n");
    },
    seconds,
  );

  test(
    "keep within the pace of the server, so that none is refused",
    async () => {
      // Half the burst is for a second in which the server cannot run, and then hears all at once.
      await using slow = await TestServer.start({ messagesPerSecond: 300, messagesBurst: 600 });
      const numbers = Array.from({ length: 1_200 }, (_, index) => index);
      const given = ["send", "--lines", "--json", "p"];
      const { code, out } = await runClientProgram(slow.url, given, numbers.join("\n"));
      const { messages } = await slow.json("/rooms/p/messages?limit=500");
      expect(code).toBe(0);
      expect(out).toEndWith(":1200\n");
      expect(messages.map(({ content }: { content: number }) => content)).toEqual(
        numbers.slice(-500),
      );
      const metrics = await (await slow.fetch("/metrics")).text();
      expect(metrics).not.toMatch(/messages-per-second"\} [1-9]/);
    },
    seconds,
  );
});

test("lines that the server's pace holds up say so", async () => {
  await using slow = await TestServer.start({ messagesPerSecond: 4, messagesBurst: 8 });
  using program = new ClientProgram(slow.url, ["send", "--lines", "held"]);
  program.process.stdin.write("a line\n".repeat(100));
  await program.process.stdin.flush();
  const sentence = "The server takes 4 messages a second from one user, so this waits.\n";
  await eventually("it says why it waits", () => program.err.includes(sentence));
  const { err } = await program.end("SIGINT");
  expect(err.split(sentence)).toHaveLength(2);
}, 20_000);

test("a token that may write and not read sends text and lines", async () => {
  await using guarded = await TestServer.start(withTokens);
  using folder = createTemporaryFolder();
  const path = join(folder.path, "token");
  writeFileSync(path, `${await createToken({ sub: "bot", rooms: { "*": ["write"] } })}\n`);
  const reader = await createToken({ sub: "ann", rooms: { "*": ["read"] } });
  const run = (given: string[], input?: string) =>
    runClientProgram(guarded.url, ["send", "r", ...given], input);
  const writer = ["--token-file", path];
  expect((await run([...writer, "text"])).code).toBe(0);
  const lines = await run([...writer, "--lines"], "a\nb\nc");
  expect([lines.code, lines.err]).toEqual([0, `Connected to ${guarded.url}.\n3 sent.\n`]);
  const refused = await run(["--token", reader, "--lines"], "d\n");
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("may not write")]);
  const headers = { authorization: `Bearer ${reader}` };
  const { messages } = await guarded.json("/rooms/r/messages", { headers });
  const contents = messages.map(({ content }: { content: string }) => content);
  expect(contents).toEqual(["text", "a", "b", "c"]);
}, 20_000);
