/** All suites, in the order in which they run. */

import { autobahn, autobahnDeflate, autobahnTls } from "./autobahn.ts";
import { http2, http2Cleartext } from "./http2.ts";
import { http3 } from "./http3.ts";
import { slowClients } from "./slow-clients.ts";
import type { Suite } from "./suite.ts";
import { tls } from "./tls.ts";
import { websocketClients } from "./websocket-clients.ts";

export const suites: readonly Suite[] = [
  autobahn,
  autobahnTls,
  autobahnDeflate,
  websocketClients,
  http2,
  http2Cleartext,
  http3,
  slowClients,
  tls,
];
