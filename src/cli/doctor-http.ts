/** HTTP: is it Partyline that answers, over which versions, and would it take work? */

import type { Notes } from "./doctor-finding.ts";
import { round } from "./doctor-network.ts";
import { faultOf, readText, type Visit } from "./doctor-visit.ts";

const http3Ms = 2_000;
const shownMax = 80;

/** Tells whether a server of ours answers. */
export async function checkHttp(visit: Visit, notes: Notes): Promise<boolean> {
  const protocol = visit.isSecure ? ({ protocol: "http1.1" } as const) : {};
  const begin = performance.now();
  let answer: Response;
  let body: string;
  try {
    answer = await visit.ask("/livez", protocol);
    body = await readText(answer);
  } catch (error) {
    noteSilence(visit, error, notes);
    return false;
  }
  const ms = performance.now() - begin;
  const { headers } = answer;
  visit.learned.front = readFront(headers);
  if (!noteAlive(visit, answer, body, ms, notes)) return false;
  const date = Date.parse(headers.get("date") ?? "");
  // It has whole seconds, rounded down: on average half a second is missing.
  if (!Number.isNaN(date)) {
    visit.learned.dateDifferenceMs = date + 500 - (visit.options.now() - ms / 2);
  }
  await checkVersions(visit, headers.get("alt-svc"), notes);
  await checkReadiness(visit, notes);
  return true;
}

function noteSilence(visit: Visit, error: unknown, notes: Notes): void {
  const reason = faultOf(error);
  const advice = visit.isSecure
    ? "Is it a server of HTTP? One with tls-client-ca wants a certificate that cannot be given here."
    : `Is it https:// on port ${visit.port}?`;
  notes.fail("HTTP/1.1", `No answer to GET /livez (${reason}).`, advice);
}

function noteAlive(
  visit: Visit,
  { status, headers }: Response,
  body: string,
  ms: number,
  notes: Notes,
): boolean {
  const { front } = visit.learned;
  const by = front === undefined ? "" : `, through ${front}`;
  const numbers = { status, answerMs: round(ms), front: front ?? null };
  if (status === 200 && /^\{"status":"ok"\}\s*$/.test(body)) {
    notes.ok("HTTP/1.1", `GET /livez answers in ${round(ms)} ms${by}`, numbers);
    return true;
  }
  const seen = `GET /livez answers ${status}${by}`;
  const location = headers.get("location");
  if (location !== null && status >= 300 && status < 400) {
    const target = URL.parse(location, `${visit.options.url}/livez`)?.href.replace(/\/livez$/, "");
    notes.fail("HTTP/1.1", seen, `Give the address that it leads to: ${target}`, numbers);
  } else if (status >= 502 && status <= 504) {
    const advice = "The proxy does not reach the server: see that it runs where the proxy looks.";
    notes.fail("HTTP/1.1", seen, advice, numbers);
  } else {
    const advice = "That is no Partyline server: check the port, and the path if it is below one.";
    const words = status === 200 ? `${seen}, in other words than ours` : seen;
    notes.fail("HTTP/1.1", words, advice, numbers);
  }
  return false;
}

function readFront(headers: Headers): string | undefined {
  // Ours names itself nowhere: whoever does stands before it.
  const text = headers.get("server") ?? headers.get("via");
  return text?.slice(0, shownMax) || undefined;
}

async function checkVersions(visit: Visit, altSvc: string | null, notes: Notes): Promise<void> {
  if (!visit.isSecure) {
    notes.skip("HTTP/2", "browsers speak it over https:// only");
    notes.skip("HTTP/3", "there is none without TLS");
    return;
  }
  const begin = performance.now();
  try {
    const answer = await visit.ask("/livez", { protocol: "http2" });
    await answer.body?.cancel();
    notes.ok("HTTP/2", `answers ${answer.status} in ${round(performance.now() - begin)} ms`);
  } catch (error) {
    const advice = "Switch it on in the proxy (nginx: listen 443 ssl http2;), for many streams.";
    notes.warn("HTTP/2", `does not answer (${faultOf(error)})`, advice);
  }
  await checkHttp3(visit, altSvc, notes);
}

/** Nobody comes over HTTP/3 who was not told of it. */
async function checkHttp3(visit: Visit, altSvc: string | null, notes: Notes): Promise<void> {
  const [, authority] = /\bh3="([^"]*)"/.exec(altSvc ?? "") ?? [];
  if (authority === undefined) {
    notes.skip("HTTP/3", "not offered, which is the default (http3)");
    return;
  }
  const begin = performance.now();
  try {
    const answer = await askOverHttp3(visit);
    await answer.body?.cancel();
    const ms = round(performance.now() - begin);
    notes.ok("HTTP/3", `offered at ${authority}, answers ${answer.status} in ${ms} ms`);
  } catch (error) {
    const seen = `offered at ${authority}, does not answer (${faultOf(error)})`;
    const advice = `Let UDP port ${visit.port} through the firewall, or switch http3 off.`;
    notes.warn("HTTP/3", seen, advice);
  }
}

/**
 * Bun 1.4.5 takes the first address of a name, which for localhost is ::1 also where the server listens
 * on 127.0.0.1 alone. No certificate need name that, and no token goes there.
 */
async function askOverHttp3(visit: Visit): Promise<Response> {
  const init = { protocol: "http3" } as const;
  const { host, port, options } = visit;
  if (host === "localhost") {
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(http3Ms)]);
    const tls = { rejectUnauthorized: false };
    const address = `https://127.0.0.1:${port}/livez`;
    // Some know only the name: they refuse at once.
    const answer = await fetch(address, { ...init, tls, signal }).catch(() => undefined);
    if (answer !== undefined) return answer;
  }
  return await visit.ask("/livez", init, http3Ms);
}

async function checkReadiness(visit: Visit, notes: Notes): Promise<void> {
  const answer = await visit.ask("/readyz");
  const body = await readText(answer);
  if (answer.ok) {
    notes.ok("ready", "the server takes work");
    return;
  }
  const reason = /"reason":"([^"]*)"/.exec(body)?.[1];
  if (answer.status === 503 && reason !== undefined) {
    const advice = "See Health in the manual's page about operations, and the server's log.";
    notes.fail("ready", `the server takes no new work: ${reason}`, advice, { reason });
  } else {
    const advice = "Let /readyz through to the server, for those who watch it.";
    notes.warn("ready", `GET /readyz answers ${answer.status}`, advice);
  }
}
