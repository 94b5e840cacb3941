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
/** All of the load comes from one address, as fast as it can; what limits cost is still measured. */
const roomy: ConfigOverrides = {
  messagesPerSecond: 1_000_000,
  messagesBurst: 1_000_000,
  connectionsPerAddress: 0,
  roomsPerHour: 0,
};
const server = createServer(defaultConfig({ port: 0, logLevel: "silent", ...roomy, ...config }));
const { port } = await server.start();
answerFrom(port, hasLagMeter);
