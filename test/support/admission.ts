/** An admission for tests that build a part of a server themselves. */

import { Admission, type AdmissionLimits } from "../../src/http/admission.ts";
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

/** Bounds nothing but what `limits` say. Its time is the clock's. */
export function createAdmission(
  limits: Partial<AdmissionLimits> = {},
  clock: ManualClock = new ManualClock(),
): Admission {
  return new Admission({
    limits: { ...noLimits, ...limits },
    clock,
    now: () => clock.now(),
    log: createLog("silent", "json"),
  });
}
