/** A listener that does not care. */

import type { BrokerListener } from "../../src/hub/ports.ts";

/** For brokers of which nobody hears. */
export const deaf: BrokerListener = { announce() {}, moved() {}, forgotten() {} };
