/** All benches, one after the other: `bun test/bench/all.ts`, with `--json` for machines. */

import { clusterCost } from "./cluster-cost.ts";
import { clusterFanout } from "./cluster-fanout.ts";
import { clusterLatency } from "./cluster-latency.ts";
import { drain } from "./drain.ts";
import { fanout } from "./fanout.ts";
import { bodyFlood, connectionFlood, memoryFlood } from "./flood.ts";
import { memory } from "./memory.ts";
import { publish } from "./publish.ts";
import { redisPublish } from "./redis-publish.ts";
import { present } from "./report.ts";
import { requests } from "./requests.ts";
import { slow } from "./slow.ts";
import { soak } from "./soak.ts";
import { sse } from "./sse.ts";
import { start } from "./start.ts";

const staying = [drain, slow, connectionFlood, memoryFlood, bodyFlood];
const clusters = [clusterFanout, clusterLatency, clusterCost, redisPublish];
await present([fanout, sse, publish, memory, start, soak, requests, ...staying, ...clusters]);
