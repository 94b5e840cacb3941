/** Partyline as its users get it, in a process that answers the parent's questions. */

import { type ConfigOverrides, defaultConfig } from "../../src/config.ts";
import { createServer } from "../../src/server.ts";
import { answerFrom } from "./instruments.ts";

/** What the parent gives. */
export interface PartylineOptions {
  readonly config: ConfigOverrides;
  readonly hasLagMeter?: boolean;
}

const { config, hasLagMeter = false }: PartylineOptions = JSON.parse(process.argv[2] ?? "{}");
const server = createServer(defaultConfig({ port: 0, logLevel: "silent", ...config }));
const { port } = await server.start();
answerFrom(port, hasLagMeter);
