import { expect, test } from "bun:test";
import packageJson from "../../package.json" with { type: "json" };
import { commands } from "../../src/cli/commands.ts";
import { runCommandLine } from "../../src/cli/program.ts";
import { flagOf, keyNames } from "../../src/config-keys.ts";
import { fromSource, runProgram } from "../support/program.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { createTerminal } from "../support/terminal.ts";

async function run(...given: string[]): Promise<{ code: number; out: string; err: string }> {
  using folder = createTemporaryFolder();
  const { terminal, transcript } = createTerminal({ folder: folder.path });
  return { code: await runCommandLine(given, terminal), ...transcript };
}

test.each([["--version"], ["-V"]])("%s prints name and version", async (flag) => {
  const version = `partyline ${packageJson.version}\n`;
  expect(await run(flag)).toEqual({ code: 0, out: version, err: "" });
});

test.each([["--help"], ["-h"], ["help"]])("%s lists every command and examples", async (flag) => {
  const { code, out, err } = await run(flag);
  expect([code, err]).toEqual([0, ""]);
  for (const { name, summary } of commands)
    expect(out).toMatch(new RegExp(`^  ${name} .*${summary}`, "m"));
  expect(out).toContain("Examples:\n  partyline serve ");
});

test.each<[string[]]>([[["serve", "--help"]], [["help", "serve"]]])(
  "%j tells the flag of every key",
  async (given) => {
    const { code, out } = await run(...given);
    expect(code).toBe(0);
    for (const name of keyNames) expect(out).toContain(`  ${flagOf(name)}`);
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  },
);

test.each<[string[], string]>([
  [["--prot", "5"], "Unknown option '--prot'; did you mean --port?"],
  [["serve", "--prot"], "Unknown option '--prot'; did you mean --port?"],
  [["serv"], 'Unknown command "serv"; did you mean serve?'],
  [["quux"], 'Unknown command "quux".'],
  [["serve", "quux"], "Too many arguments for 'serve'"],
  [["--port"], "Option '--port <port>' argument missing"],
  [["--port", "eighty"], 'port is "eighty" (--port), which is not accepted; give a whole number'],
  [["--http3"], "http3 is true (--http3), which needs TLS"],
])("%j is a usage error", async (given, sentence) => {
  const { code, out, err } = await run(...given);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toStartWith(sentence);
});

test("what only the file says wrong is not a usage error", async () => {
  const { code, err } = await run("--config", "missing.toml");
  expect(code).toBe(1);
  expect(err).toMatch(/missing\.toml \(--config\) does not exist\.\n$/);
});

test("print-config works with and without the name of the command", async () => {
  const named = await run("serve", "--print-config", "--port", "9000", "--http3", "--no-http3");
  const unnamed = await run("--print-config", "--port=9000", "--no-http3");
  expect(named.code).toBe(0);
  expect(named.out).toMatch(/^port = 9000 +# --port$/m);
  expect(named.out).toMatch(/^http3 = false +# --http3$/m);
  expect(unnamed.out.length).toBe(named.out.length);
});

test("the process ends with the command's exit code and writes to the right stream", async () => {
  using folder = createTemporaryFolder();
  const [version, wrong, printed] = await Promise.all([
    runProgram([...fromSource, "--version"], folder.path),
    runProgram([...fromSource, "--prot"], folder.path),
    runProgram([...fromSource, "--print-config"], folder.path, { PARTYLINE_PORT: "9001" }),
  ]);
  expect(version).toEqual({ code: 0, out: `partyline ${packageJson.version}\n`, err: "" });
  expect([wrong.code, wrong.out]).toEqual([2, ""]);
  expect(wrong.err).toContain("did you mean --port?");
  expect(printed.out).toMatch(/^port = 9001 +# PARTYLINE_PORT$/m);
});
