/** WebSocket: does it get through, how fast, and how much at a time? */

import type { Notes } from "./doctor-finding.ts";
import { round } from "./doctor-network.ts";
import { Probe } from "./doctor-probe.ts";
import { askForUpgrade, type UpgradeAnswer } from "./doctor-upgrade.ts";
import { answerMs, type Visit, type Welcome } from "./doctor-visit.ts";
import { Latencies } from "./latencies.ts";
import { formatBytes } from "./quantity.ts";

const pingsMax = 20;
/** What the pings may take together, on a slow line. */
const pingingMs = 3_000;
/** Bytes of the largest frame that is tried, whatever the server allows. */
const triedBytesMax = 1_048_576;
/** What a subprotocol can carry, and every JWT is made of. */
const carried = /^[\w.-]+$/;
/** An origin that nobody has (RFC 2606). */
const strangeOrigin = "https://doctor.invalid";

type Frame = Readonly<Record<string, unknown>>;

/** The subprotocols that a client offers. */
export function toProtocols(token: string | undefined): string[] {
  const ours = "partyline.v1";
  return token !== undefined && carried.test(token) ? [ours, `bearer.${token}`] : [ours];
}

export async function checkSocket(visit: Visit, notes: Notes): Promise<void> {
  const begin = performance.now();
  using probe = new Probe(visit, "/ws", toProtocols(visit.options.token));
  if (!(await probe.opens(answerMs))) {
    noteRefusal(visit, await askForUpgrade(visit), notes);
    return;
  }
  const first = await probe.find(({ type }) => type === "welcome" || type === "error", answerMs);
  const ms = performance.now() - begin;
  if (first?.type === "error") {
    visit.learned.refusal = String(first.message);
    notes.ok("upgrade", `passes, in ${round(ms)} ms`, { openedMs: round(ms) });
    notes.skip("welcome", `the server refuses the token: ${first.message}`);
  } else if (first === undefined) {
    const seen = `opens, and within ${answerMs / 1_000} s no welcome comes`;
    const advice = "Something holds frames back, or it is no Partyline server: look at the proxy.";
    notes.fail("upgrade", seen, advice);
    return;
  } else {
    const welcome = readWelcome(first);
    visit.learned.welcome = welcome;
    const seen = `welcomed in ${round(ms)} ms by version ${welcome.version}`;
    notes.ok("upgrade", seen, { openedMs: round(ms), version: welcome.version });
    await checkPings(visit, probe, notes);
  }
  await checkFrames(visit, notes);
  await checkOrigins(visit, notes);
}

function readWelcome({ connection, user, limits, server }: Frame): Welcome {
  const [whose, ceilings, about] = [user, limits, server].map((each) => Object(each));
  return {
    connection: String(connection),
    user: { id: String(whose.id), name: String(whose.name) },
    frameBytesMax: Number(ceilings.frameBytesMax) || triedBytesMax,
    heartbeatMs: Number(ceilings.heartbeatMs) || 0,
    version: String(about.version ?? "unknown"),
  };
}

function noteRefusal(visit: Visit, answer: UpgradeAnswer | undefined, notes: Notes): void {
  if (answer === undefined) {
    const seen = `no answer to the request for one in ${answerMs / 1_000} s`;
    notes.fail("upgrade", seen, `Something swallows it: let WebSocket pass ${visit.culprit}.`);
    return;
  }
  const { status, server, problem } = answer;
  const by = problem !== "" ? `the server: ${problem}` : (server ?? "somebody without a name");
  const seen = `refused with ${status} by ${by}`;
  notes.fail("upgrade", seen, adviseRefusal(answer), { status, server: server ?? null });
}

/** Clients fall back to SSE then, which costs more. */
function adviseRefusal({ status, code, problem }: UpgradeAnswer): string {
  const pass =
    "nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; " +
    'proxy_set_header Connection "upgrade";';
  if (status === 101) return "The request passes by hand and not from a WebSocket client.";
  if (problem !== "" && status === 426) {
    return `The request came without its Upgrade: let the proxy hand it on (${pass})`;
  }
  if (code === "forbidden") return "Hand on Host as it came (proxy_set_header Host $http_host;).";
  if (problem !== "") return "See what the server says, and try again.";
  if (status >= 502 && status <= 504) return "See that the proxy reaches the server for /ws, too.";
  return `Let WebSocket through (${pass}); until then clients take SSE and POST.`;
}

async function checkPings(visit: Visit, probe: Probe, notes: Notes): Promise<void> {
  const trips = new Latencies();
  const endsAt = performance.now() + pingingMs;
  for (let ping = 0; ping < pingsMax && performance.now() < endsAt; ping += 1) {
    const sentAt = performance.now();
    probe.send(JSON.stringify({ type: "ping", data: ping }));
    if (!(await probe.find(({ type, data }) => type === "pong" && data === ping, answerMs))) break;
    trips.add(performance.now() - sentAt);
  }
  const { count, p50, p99 } = trips.summary();
  if (count === 0) {
    notes.fail("round trip", "a ping gets no answer", "Something holds frames back on the way.");
    return;
  }
  visit.learned.roundTripMs = p50;
  notes.ok("round trip", `p50 ${p50} ms, p99 ${p99} ms, of ${count} pings`, { count, p50, p99 });
}

/** A frame as large as may be, there and back; nobody else sees it. */
async function checkFrames(visit: Visit, notes: Notes): Promise<void> {
  const allowed = visit.learned.welcome?.frameBytesMax ?? triedBytesMax;
  const size = Math.min(allowed, triedBytesMax);
  using probe = new Probe(visit, "/ws/echo", []);
  if (!(await probe.opens(answerMs))) {
    notes.warn("frames", "/ws/echo does not open", "Let the proxy pass WebSocket there, too.");
    return;
  }
  const sent = new Uint8Array(size).fill(7);
  const begin = performance.now();
  probe.send(sent);
  const back = await probe.next(answerMs * 2);
  const ms = performance.now() - begin;
  const numbers = { bytes: size, ms: round(ms) };
  if (back instanceof ArrayBuffer && Buffer.from(back).equals(sent)) {
    notes.ok("frames", `${formatBytes(size)} come back whole in ${round(ms)} ms`, numbers);
    return;
  }
  const end =
    probe.closing === undefined ? "nothing came back" : `closed with ${probe.closing.code}`;
  const advice = `Let frames of up to ${formatBytes(size)} pass, or lower frame-bytes-max to what passes.`;
  notes.fail("frames", `one of ${formatBytes(size)} does not pass: ${end}`, advice, numbers);
}

/** The server's own page must be let in; a foreign one is, if allow-origin says so. */
async function checkOrigins(visit: Visit, notes: Notes): Promise<void> {
  const { origin } = visit.address;
  const [own, strange] = [
    await askForUpgrade(visit, origin),
    await askForUpgrade(visit, strangeOrigin),
  ];
  if (own?.code === "forbidden") {
    const seen = `a page of ${origin} may not connect: ${own.problem}`;
    const advice =
      "Hand on Host and the scheme as they came (proxy_set_header Host $http_host; " +
      `proxy_set_header X-Forwarded-Proto $scheme;), or set allow-origin = "${origin}".`;
    notes.fail("own page", seen, advice);
  } else if (own?.status === 101) notes.ok("own page", `a page of ${origin} may connect`);
  if (strange?.status === 101) {
    const advice = "Name the origins of your pages in allow-origin, unless all are meant.";
    notes.warn("other pages", "a page of any origin may connect", advice);
  } else if (strange?.code === "forbidden") {
    notes.ok("other pages", "a page of an origin that allow-origin does not name is refused");
  }
}
