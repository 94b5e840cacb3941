/** The table of commands. A new one is a row here and a file beside this one. */

import { type KeyName, keyNames } from "../config-keys.ts";
import { clientCommands } from "./client-commands.ts";
import type { Command } from "./command.ts";
import { diagnosisCommands } from "./diagnosis-commands.ts";
import { storeCommands } from "./store-commands.ts";

const tokenKeys: readonly KeyName[] = [
  "config",
  "token-secret",
  "token-secret-file",
  "token-public-key",
  "token-jwks-url",
  "token-issuer",
  "token-audience",
  "token-leeway",
];

export const commands: readonly Command[] = [
  {
    name: "serve",
    summary: "Serve rooms until told to stop.",
    isDefault: true,
    keys: keyNames,
    switches: [{ name: "print-config", help: "Print the effective configuration as TOML." }],
    options: [],
    examples: [
      { line: "partyline serve", says: "on http://127.0.0.1:8080, data in ./data" },
      { line: "partyline serve --port 9000 --data /var/lib/partyline", says: "elsewhere" },
      { line: "partyline serve --tls-self-signed --http3", says: "over HTTPS, to try it out" },
      { line: "partyline serve --redis redis://127.0.0.1:6379", says: "one of several servers" },
      { line: "PARTYLINE_PORT=9000 partyline serve --print-config", says: "what would be used" },
    ],
    load: async () => (await import("./serve.ts")).serve,
  },
  {
    name: "token",
    summary: "Print a token, or explain one.",
    isDefault: false,
    keys: tokenKeys,
    switches: [],
    options: [
      { name: "user", placeholder: "<id>", help: "Whose token it is: its sub." },
      { name: "name", placeholder: "<name>", help: "What others see. Default: the id." },
      {
        name: "room",
        placeholder: "<pattern=actions>",
        help: "What it allows where, such as 'team-*=read,write'; may be given several times.",
      },
      {
        name: "expires",
        placeholder: "<duration>",
        help: "How long it lasts: 30s, 5m, 12h, 7d, or never. Default: 1h.",
      },
      {
        name: "audience",
        placeholder: "<text>",
        help: "Its aud. Default: that of the configuration.",
      },
      {
        name: "issuer",
        placeholder: "<text>",
        help: "Its iss. Default: that of the configuration.",
      },
      { name: "id", placeholder: "<text>", help: "Its jti. Default: a new UUID." },
      {
        name: "key",
        placeholder: "<path>",
        help: "Private key to sign with, PEM or a JWK, in place of the secret.",
      },
      {
        name: "inspect",
        placeholder: "<token>",
        help: "Explain a token, or the one on standard input (-), and say whether it is accepted.",
      },
    ],
    examples: [
      {
        line: "partyline token --user alice --room 'general=read,write,presence'",
        says: "for an hour, with the secret that is set",
      },
      {
        line: "pbpaste | partyline token --inspect -",
        says: "what it says, and why it is refused",
      },
    ],
    load: async () => (await import("./token.ts")).token,
  },
  ...clientCommands,
  ...diagnosisCommands,
  ...storeCommands,
];
