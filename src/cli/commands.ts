/** The table of commands. A new one is a row here and a file beside this one. */

import { keyNames } from "../config-keys.ts";
import type { Command } from "./command.ts";

export const commands: readonly Command[] = [
  {
    name: "serve",
    summary: "Serve rooms until told to stop.",
    isDefault: true,
    keys: keyNames,
    switches: [{ name: "print-config", help: "Print the effective configuration as TOML." }],
    examples: [
      { line: "partyline serve", says: "on http://127.0.0.1:8080, data in ./data" },
      { line: "partyline serve --port 9000 --data /var/lib/partyline", says: "elsewhere" },
      { line: "partyline serve --tls-self-signed --http3", says: "over HTTPS, to try it out" },
      { line: "PARTYLINE_PORT=9000 partyline serve --print-config", says: "what would be used" },
    ],
    load: async () => (await import("./serve.ts")).serve,
  },
];
