/** Reads the command line: finds the command, its flags, help and version. */

import { CommanderError, Option, Command as Parser } from "commander";
import { flagOf, isKeyName, type KeyName, keyOf, variableOf } from "../config-keys.ts";
import { show, suggest } from "../config-source.ts";
import { version } from "../version.ts";
import type { Arguments, Command } from "./command.ts";
import { commands } from "./commands.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Runs the command that the arguments name. Resolves to the exit code. Help and version go to
 * standard output, what is wrong goes to standard error.
 */
export async function runCommandLine(
  given: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const [first] = given;
  const names = commands.map(({ name }) => name);
  if (first !== undefined && !first.startsWith("-") && ![...names, "help"].includes(first)) {
    const hint = suggest(first, names);
    terminal.complain(`Unknown command ${show(first)}${hint}\nSee partyline --help.\n`);
    return exitCodes.usage;
  }
  let code: number = exitCodes.ok;
  const program = createParser(terminal, async (command, args) => {
    const run = await command.load();
    code = await run(args, terminal);
  });
  try {
    await program.parseAsync(given, { from: "user" });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
}

function createParser(
  terminal: Terminal,
  act: (command: Command, args: Arguments) => Promise<void>,
): Parser {
  const program = new Parser("partyline")
    .description("A realtime server: rooms over WebSocket, SSE and HTTP, kept in SQLite or Redis.")
    .version(`partyline ${version}`, "-V, --version", "Print the version.")
    .helpOption("-h, --help", "Print this help.")
    .helpCommand("help [command]", "Print the help of a command.")
    .exitOverride()
    .configureOutput({
      writeOut: terminal.write,
      writeErr: terminal.complain,
      getOutHelpWidth: () => terminal.columns,
      getOutHasColors: () => terminal.isColored,
      outputError: (text, write) => write(toSentence(text)),
    })
    .addHelpText("after", examples(commands.flatMap((command) => command.examples.slice(0, 1))));
  for (const command of commands) {
    const parser = program
      .command(command.name, { isDefault: command.isDefault })
      .description(command.isDefault ? `${command.summary} The default.` : command.summary)
      .allowExcessArguments(false)
      .showHelpAfterError(`See partyline ${command.name} --help.`)
      .addHelpText("after", examples(command.examples) + precedence(command));
    for (const { name, help, isOptional, isRepeatable } of command.operands ?? []) {
      const word = isRepeatable ? `${name}...` : name;
      parser.argument(isOptional ? `[${word}]` : `<${word}>`, help);
    }
    for (const name of command.keys) addKey(parser, name);
    for (const { name, letter, help } of command.switches) {
      parser.option(toFlags(name, letter), help);
    }
    for (const { name, letter, placeholder, help } of command.options) {
      const option = new Option(`${toFlags(name, letter)} ${placeholder}`, help);
      parser.addOption(option.argParser((value, before: string[] = []) => [...before, value]));
    }
    parser.helpOption("-h, --help", "Print this help.");
    parser.action(() => act(command, readArguments(parser)));
  }
  return program;
}

function toFlags(name: string, letter: string | undefined): string {
  return letter === undefined ? `--${name}` : `-${letter}, --${name}`;
}

/** A switch can also be turned off, so that a flag can overrule the environment and the file. */
function addKey(parser: Parser, name: KeyName): void {
  const { kind, default: text, unset, help } = keyOf(name);
  const usual = unset ?? (kind.placeholder === "" ? "off" : text);
  const words = `${help} Default: ${usual}.`;
  const option = new Option(`${flagOf(name)} ${kind.placeholder}`.trim(), words);
  if (kind.isRepeatable) {
    option.argParser((value, before?: string) =>
      before === undefined ? value : `${before},${value}`,
    );
  }
  parser.addOption(option);
  if (kind.placeholder === "") parser.addOption(new Option(`--no-${name}`).hideHelp());
}

function readArguments(parser: Parser): Arguments {
  const flags: Partial<Record<KeyName, string | boolean>> = {};
  const switches = new Set<string>();
  const options = new Map<string, readonly string[]>();
  for (const option of parser.options) {
    const value: unknown = parser.getOptionValue(option.attributeName());
    const name = option.name().replace(/^no-/, "");
    if (isKeyName(name)) {
      if (typeof value === "string" || typeof value === "boolean") flags[name] = value;
    } else if (Array.isArray(value)) {
      options.set(name, value.map(String));
    } else if (value === true) {
      switches.add(name);
    }
  }
  return { flags, switches, options, operands: parser.args };
}

function examples(list: Command["examples"]): string {
  const width = Math.max(...list.map(({ line }) => line.length));
  return `\nExamples:\n${list.map(({ line, says }) => `  ${line.padEnd(width)}  # ${says}`).join("\n")}\n`;
}

function precedence({ keys }: Command): string {
  const sample = keys.find((name) => name === "tls-cert") ?? keys[1];
  if (sample === undefined) return "";
  const value = keyOf(sample).kind.placeholder.replace(/[<>]/g, "");
  const off = keys.includes("http3") ? " What those turned\non, a flag turns off: --no-http3." : "";
  return `
Each flag of the configuration also has a variable (${flagOf(sample)} is ${variableOf(sample)})
and, in partyline.toml, a key (${sample} = "${value}").
Flags win over variables, and variables over the file.${off}
`;
}

/** Commander writes `error: unknown option '--prot'`, and its suggestion on a line of its own. */
function toSentence(text: string): string {
  const plain = text
    .replace(/^error: /, "")
    .replace(/\n\(Did you mean (.*)\?\)/, "; did you mean $1?");
  return `${plain.charAt(0).toUpperCase()}${plain.slice(1)}`;
}
