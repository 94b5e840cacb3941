/** The commands about the store, as rows of the table of commands. */

import type { Command } from "./command.ts";

export const storeCommands: readonly Command[] = [
  {
    name: "check",
    summary: "Verify the message store.",
    isDefault: false,
    keys: ["config", "data"],
    switches: [{ name: "json", help: "Print what was found as JSON." }],
    options: [],
    operands: [
      {
        name: "file",
        help: "A store or a copy of one; the store in the data folder if left out.",
        isOptional: true,
      },
    ],
    examples: [
      { line: "partyline check --data /var/lib/partyline", says: "also while a server runs there" },
      { line: "partyline check monday.db", says: "a copy, before it is put in place" },
    ],
    load: async () => (await import("./check.ts")).check,
  },
  {
    name: "backup",
    summary: "Copy the message store to a file.",
    isDefault: false,
    keys: ["config", "data"],
    switches: [
      { name: "force", help: "Replace the file if it is there." },
      { name: "json", help: "Print what was copied as JSON." },
    ],
    options: [],
    operands: [{ name: "file", help: "Where the copy goes.", isOptional: false }],
    examples: [
      {
        line: "partyline backup --data /var/lib/partyline monday.db",
        says: "also while a server runs there",
      },
    ],
    load: async () => (await import("./backup.ts")).backup,
  },
];
