/** The commands of a client, as rows of the table of commands. */

import type { Command } from "./command.ts";
import { connectionOptions, connectionSwitches } from "./connection-options.ts";

export const clientCommands: readonly Command[] = [
  {
    name: "tail",
    summary: "Follow rooms and print what is said there.",
    isDefault: false,
    keys: [],
    operands: [
      { name: "room", help: "The rooms to follow.", isOptional: false, isRepeatable: true },
    ],
    options: [
      {
        name: "since",
        placeholder: "<position>",
        help: "Begin after a position, or at the start of what is kept. Default: new messages only.",
      },
      { name: "last", letter: "n", placeholder: "<count>", help: "Begin with the last 1 to 500." },
      { name: "count", placeholder: "<count>", help: "End after so many messages." },
      ...connectionOptions,
    ],
    switches: [
      { name: "until-now", help: "Print what is kept, from the start unless told, and end." },
      { name: "members", help: "Also tell who comes and goes." },
      { name: "json", help: "Print each message and each gap as a line of JSON, as on the wire." },
      { name: "quiet", letter: "q", help: "Say nothing about the connection." },
      ...connectionSwitches,
    ],
    examples: [
      { line: "partyline tail general", says: "what is new, until Ctrl-C" },
      { line: "partyline tail -n 20 general team", says: "two rooms, with what was said before" },
      {
        line: "partyline tail --json --since start general | jq .content",
        says: "for a program to read",
      },
    ],
    load: async () => (await import("./tail.ts")).tail,
  },
  {
    name: "send",
    summary: "Publish a text, a file, or lines as they come.",
    isDefault: false,
    keys: [],
    operands: [
      { name: "room", help: "The room to publish in.", isOptional: false },
      {
        name: "text",
        help: "What to say; - is standard input, as is nothing where that is piped.",
        isOptional: true,
      },
    ],
    options: [
      {
        name: "file",
        placeholder: "<path>",
        help: "Send the bytes of a file; - is standard input.",
      },
      {
        name: "id",
        placeholder: "<text>",
        help: "The message's own id: saying it twice stores it once. With --lines, the first part of it.",
      },
      {
        name: "username",
        placeholder: "<name>",
        help: "What others see of somebody without a token.",
      },
      {
        name: "timeout",
        placeholder: "<duration>",
        help: "How long the server may be away; 0 is for ever. Default: 30s.",
      },
      ...connectionOptions,
    ],
    switches: [
      { name: "json", help: "The text, or each line, is JSON." },
      { name: "lines", help: "Publish each line of standard input, in order." },
      { name: "quiet", letter: "q", help: "Print neither the position nor the count." },
      ...connectionSwitches,
    ],
    examples: [
      { line: "partyline send general 'hello'", says: "prints the position once it is stored" },
      { line: "partyline send --json jobs '{\"done\":0.5}'", says: "a JSON value" },
      { line: "tail -f app.log | partyline send --lines logs", says: "each line as it comes" },
    ],
    load: async () => (await import("./send.ts")).send,
  },
];
