/** The commands that find out how a server does, as rows of the table of commands. */

import type { Command } from "./command.ts";
import { connectionOptions, connectionSwitches } from "./connection-options.ts";

export const diagnosisCommands: readonly Command[] = [
  {
    name: "bench",
    summary: "Load a server, and say how long things take.",
    isDefault: false,
    keys: [],
    options: [
      { name: "connections", placeholder: "<count>", help: "How many connect. Default: 100." },
      { name: "rooms", placeholder: "<count>", help: "Into how many rooms they go. Default: 10." },
      {
        name: "rate",
        placeholder: "<count>",
        help: "Messages a second in all; 0 is as many as are stored. Default: 100.",
      },
      { name: "size", placeholder: "<size>", help: "Size of a message. Default: 128." },
      {
        name: "duration",
        placeholder: "<duration>",
        help: "For how long they publish. Default: 10s.",
      },
      {
        name: "transport",
        placeholder: "<name>",
        help: "websocket or sse. Default: WebSocket, or SSE where that does not get through.",
      },
      ...connectionOptions,
    ],
    switches: [
      { name: "json", help: "Print what was found as JSON." },
      { name: "yes", help: "Load a server that is not on this machine." },
      ...connectionSwitches,
    ],
    examples: [
      { line: "partyline bench", says: "100 clients in 10 rooms, 100 messages a second" },
      { line: "partyline bench --connections 1000 --rooms 1 --rate 50", says: "one large room" },
      { line: "partyline bench --rate 0 --json | jq .acknowledged", says: "as fast as it goes" },
    ],
    load: async () => (await import("./bench.ts")).bench,
  },
  {
    name: "doctor",
    summary: "Say what is wrong on the way to a server.",
    isDefault: false,
    keys: [],
    operands: [
      { name: "address", help: "Where the server is, in place of --url.", isOptional: true },
    ],
    options: [
      {
        name: "idle",
        placeholder: "<duration>",
        help: "Hold quiet connections for so long, to see what cuts them. Default: not at all.",
      },
      {
        name: "room",
        placeholder: "<room>",
        help: "Publish one message in a room, which stays there. Default: nothing is published.",
      },
      ...connectionOptions,
    ],
    switches: [{ name: "json", help: "Print what was found as JSON." }, ...connectionSwitches],
    examples: [
      { line: "partyline doctor https://chat.example", says: "what is well, and what is not" },
      {
        line: "partyline doctor --idle 150s https://chat.example",
        says: "and what cuts quiet lines",
      },
      {
        line: "partyline doctor --json | jq '.findings[] | select(.verdict == \"failed\")'",
        says: "for a program to read",
      },
    ],
    load: async () => (await import("./doctor.ts")).doctor,
  },
];
