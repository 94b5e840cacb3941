/** `partyline tail`: what it prints, what it says, and how it ends. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { limits } from "../../src/protocol/limits.ts";
import { ClientProgram, runClientProgram } from "../support/client-program.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";
import { createToken, withTokens } from "../support/tokens.ts";

const seconds = 20_000;
const retention = { messagesMax: 3 };
let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start({ retention });
});
afterAll(() => server[Symbol.asyncDispose]());

function tail(...given: string[]) {
  return runClientProgram(server.url, ["tail", ...given]);
}

async function publish(room: string, ...contents: unknown[]): Promise<string> {
  let position = "";
  for (const content of contents) ({ position } = await server.publish(room, content));
  return position;
}

describe("what tail prints", () => {
  test(
    "is a line a message: its time, its name, and what it says",
    async () => {
      await publish("forms", "a text", { n: [1, null] });
      const init = { method: "POST", headers: { "content-type": "application/octet-stream" } };
      await server.fetch("/rooms/forms/messages", { ...init, body: new Uint8Array(1_234) });
      const { code, out } = await tail("--until-now", "forms");
      const time = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`;
      const texts = ["a text", String.raw`\{"n":\[1,null\]\}`, String.raw`\(1,234 bytes\)`];
      const pattern = texts.map((text) => `${time} anonymous: ${text}\n`).join("");
      expect(code).toBe(0);
      expect(out).toMatch(new RegExp(`^${pattern}$`));
    },
    seconds,
  );

  test(
    "with --json is each message as it is on the wire, bytes too",
    async () => {
      await publish("wire", { deep: ["€", 1e21] }, "\u009b2J\u202e");
      const body = Uint8Array.from({ length: 300 }, (_, index) => index);
      const init = { method: "POST", headers: { "content-type": "application/octet-stream" } };
      await server.fetch("/rooms/wire/messages", { ...init, body });
      const { out } = await tail("--until-now", "--json", "wire");
      const { messages } = await server.json("/rooms/wire/messages");
      expect(
        out
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line)),
      ).toEqual(messages);
      expect(out).not.toMatch(/[\u0080-\u009f\u202e]/);
    },
    seconds,
  );

  test(
    "never drives the terminal, whatever a message, its name or its room holds",
    async () => {
      const evil = "\x1b[2J\x1b]0;owned\x07\r\nroot: \u009b31m\u202egnp.\u2028\ud800\x7f\x00";
      await server.json("/rooms/evil/messages", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ content: evil }),
      });
      await publish("evil", { [evil]: evil });
      for (const flags of [[], ["--json"]]) {
        const { out } = await tail("--until-now", ...flags, "evil");
        expect(out.split("\n")).toHaveLength(3);
        expect(out.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Zl}\p{Cs}\u202e]/u);
      }
    },
    seconds,
  );

  test(
    "names the room where there are several, and has colours only where they are wanted",
    async () => {
      await publish("one", "1");
      await publish("two", "2");
      const { out } = await tail("--until-now", "one", "two");
      expect(
        out
          .split("\n")
          .map((line) => line.slice(20))
          .sort(),
      ).toEqual(["", "one anonymous: 1", "two anonymous: 2"]);
      expect(out).not.toContain("\x1b");
    },
    seconds,
  );

  test(
    "tells how many messages are no longer kept, and that the numbering began anew",
    async () => {
      const first = await publish("gaps", 0);
      await publish("gaps", 1, 2, 3, 4, 5);
      const plain = await tail("--until-now", "--since", first, "gaps");
      expect(plain.out).toStartWith("-- 2 messages are no longer kept --\n");
      expect(plain.out.split("\n")).toHaveLength(5);
      const json = await tail("--until-now", "--json", "--since", "otherlife:7", "gaps");
      const [gap = "", next = ""] = json.out.split("\n");
      expect(JSON.parse(gap)).toMatchObject({ type: "gap", room: "gaps", reason: "reset" });
      expect(JSON.parse(next)).toMatchObject({ type: "message", content: 3 });
    },
    seconds,
  );

  test(
    "begins with the last messages, and ends after as many as are wanted",
    async () => {
      await publish("last", "a", "b", "c");
      using program = new ClientProgram(server.url, ["tail", "-n", "2", "--count", "3", "last"]);
      await eventually("the last two", () => program.lines.length === 2);
      await publish("last", "d", "e");
      const { code, out } = await program.end();
      expect(code).toBe(0);
      expect(out.split("\n").map((line) => line.at(-1))).toEqual(["b", "c", "d", undefined]);
    },
    seconds,
  );

  test(
    "tells who comes and goes where that is wanted",
    async () => {
      using program = new ClientProgram(server.url, ["tail", "--members", "people"]);
      await eventually("itself", () => program.out.includes("+ anonymous, 1 here"));
      const client = await server.connect();
      client.send({ type: "join", room: "people", username: "Ada" });
      await eventually("Ada", () => program.out.includes("+ Ada, 2 here"));
      client.close();
      await eventually("that she went", () => program.out.includes("- Ada, 1 here"));
    },
    seconds,
  );
});

describe("how tail ends", () => {
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "at %s with %d, and quietly",
    async (signal, expected) => {
      using program = new ClientProgram(server.url, ["tail", "ends"]);
      await eventually("a connection", () => program.err.includes("Connected"));
      const { code, out, err } = await program.end(signal);
      expect([code, out, err]).toEqual([expected, "", `Connected to ${server.url}.\n`]);
    },
    seconds,
  );

  test.each<[string[], number, string]>([
    [["--since", "yesterday", "a"], 2, '--since is "yesterday", which is not accepted; give start'],
    [["--since", "start", "-n", "5", "a"], 2, "Give --since or --last, not both."],
    [["--last", "501", "a"], 2, '--last is "501", which is not accepted; give a whole number'],
    [
      ["--url", "localhost:80", "a"],
      2,
      '--url is "localhost:80", which is not a server\'s address',
    ],
    [["--url", "http://me:pw@host", "a"], 2, "--url holds a user or a password"],
    [["--token", "two words", "a"], 2, "--token holds no token"],
    [["--token-file", "/nonexistent/t", "a"], 1, "/nonexistent/t does not exist."],
    [["a b"], 1, `A room's name is 1 to ${limits.roomNameLengthMax} of the signs`],
    [[], 2, "Missing required argument 'room'"],
  ])(
    "with %j in a sentence",
    async (given, expected, sentence) => {
      const { code, out, err } = await tail(...given);
      expect([code, out]).toEqual([expected, ""]);
      expect(err).toStartWith(sentence);
      expect(err).not.toContain("pw@");
      expect(err).not.toContain("two words");
    },
    seconds,
  );

  test(
    "with 1 where a token is missing, refused, or does not cover the room",
    async () => {
      await using guarded = await TestServer.start(withTokens);
      const token = await createToken({ sub: "ann", rooms: { general: ["read"] } });
      const wrong = await createToken({ sub: "ann" }, "another secret that is long enough too");
      const run = (flags: string[], environment?: Record<string, string>) =>
        runClientProgram(guarded.url, ["tail", "--until-now", ...flags], "", environment);
      const outcomes = await Promise.all([
        run(["general"]),
        run(["general"], { PARTYLINE_TOKEN: wrong }),
        run(["other", "--token", token]),
        run(["general"], { PARTYLINE_TOKEN: token }),
      ]);
      expect(outcomes.map(({ code }) => code)).toEqual([1, 1, 1, 0]);
      expect(outcomes[2]?.err).toContain('"other"');
      for (const { out, err } of outcomes) {
        expect(out + err).not.toContain(token);
        expect(out + err).not.toContain(wrong);
      }
    },
    seconds,
  );

  test(
    "with 1 where nobody vouches for the certificate, unless it is trusted by a flag",
    async () => {
      await using secure = await TestServer.start({ tlsSelfSigned: true });
      const url = secure.url.replace("127.0.0.1", "localhost");
      const strict = await runClientProgram(url, ["tail", "--until-now", "general"]);
      expect(strict.code).toBe(1);
      expect(strict.err).toMatch(/^The certificate at \S+ is not trusted .* Give --ca /);
      const loose = ["tail", "--until-now", "--insecure", "general"];
      const { code, err } = await runClientProgram(url, loose);
      expect([code, err]).toEqual([
        0,
        expect.stringMatching(
          /^Warning: --insecure trusts any certificate\..*\nConnected to https/,
        ),
      ]);
    },
    seconds,
  );
});
