/** An admission for tests that build a part of a server themselves. */

import {
  Admission,
  type AdmissionLimits,
  type AdmissionOptions,
} from "../../src/http/admission.ts";
import { Shedding } from "../../src/http/shedding.ts";
import { PublishBudget } from "../../src/limit/publish-budget.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { ManualClock } from "./manual-clock.ts";

const noLimits: AdmissionLimits = {
  messagesPerSecond: 0,
  messagesBurst: 1,
  publishesPerSecond: 0,
  publishesBurst: 1,
  roomsPerHour: 0,
  connectionsMax: 0,
  connectionsPerAddress: 0,
  connectionsPerUser: 0,
  speakWithinMs: 0,
  trustedProxies: [],
};

/** Bounds nothing but what `limits` say, alone and for good, unless `others` say more. Its time is the clock's. */
export function createAdmission(
  limits: Partial<AdmissionLimits> = {},
  clock: ManualClock = new ManualClock(),
  others: Partial<Pick<AdmissionOptions, "drain" | "quota">> = {},
): Admission {
  const now = () => clock.now();
  const log = createLog("silent", "json");
  const budget = new PublishBudget(67_108_864, now);
  const idle = { memoryBytesMax: 0, readRss: () => 0, collect() {}, cutSlowReaders() {} };
  return new Admission({
    limits: { ...noLimits, ...limits },
    clock,
    ...{ now, log, budget, bodies: budget },
    drain: { assertStaying() {} },
    shedding: new Shedding({ budget, log, now, ...idle }),
    ...others,
  });
}
