/** All benches, one after the other: `bun test/bench/all.ts`, with `--json` for machines. */

import { fanout } from "./fanout.ts";
import { memory } from "./memory.ts";
import { publish } from "./publish.ts";
import { present } from "./report.ts";
import { requests } from "./requests.ts";
import { soak } from "./soak.ts";
import { sse } from "./sse.ts";
import { start } from "./start.ts";

await present([fanout, sse, publish, memory, start, soak, requests]);
