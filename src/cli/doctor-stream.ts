/** SSE: does it begin at once, and does each message come when it is said? */

import { createEventParser } from "../client/event-parser.ts";
import type { Notes } from "./doctor-finding.ts";
import { round } from "./doctor-network.ts";
import { faultOf, readText, type Tick, type Visit } from "./doctor-visit.ts";

/** How long the room that ticks once a second is watched, and how many ticks suffice. */
const watchMs = 5_200;
const clockRoom = "$clock";
const letClock = 'A token whose rooms have "$clock":["read"] sees a message a second.';
const ticksEnough = 4;
const firstMsMax = 1_000;
/** By how much one tick may come later than another before something must have held it back. */
const lateMsMax = 700;
const bytesMax = 65_536;
const bodyCharactersMax = 2_000;

/** What came of a stream. Times are milliseconds since it was asked for. */
export interface WatchedStream {
  readonly room: string;
  readonly status: number | undefined;
  readonly headers: Headers | undefined;
  readonly headersMs: number | undefined;
  readonly firstMs: number | undefined;
  readonly ticks: readonly Tick[];
  /** What stood in an answer that is no stream. */
  readonly body: string;
  /** Why it failed; undefined where it did not. */
  readonly failure: string | undefined;
}

/**
 * Watches `$clock`, which everybody may read where anything is open. Where a token may not, the room
 * that was named shows at least how a stream begins. Never throws.
 */
export async function watchStream(visit: Visit): Promise<WatchedStream> {
  const watched = await watch(visit, clockRoom);
  const { room } = visit.options;
  return watched.status === 403 && room !== undefined ? await watch(visit, room) : watched;
}

async function watch(visit: Visit, room: string): Promise<WatchedStream> {
  const enough = room === clockRoom ? ticksEnough : 0;
  const begin = performance.now();
  let headersMs: number | undefined;
  let firstMs: number | undefined;
  let answer: Response | undefined;
  const ticks: Tick[] = [];
  const told = (failure: string | undefined, body = ""): WatchedStream => {
    const { status, headers } = answer ?? {};
    return { room, status, headers, headersMs, firstMs, ticks, body, failure };
  };
  const parse = createEventParser(({ event, data }) => {
    const at = event === undefined && data !== undefined ? readAt(data) : undefined;
    if (at !== undefined) ticks.push({ at, arrivedAt: visit.options.now() });
  });
  try {
    const headers = { accept: "text/event-stream" };
    answer = await visit.ask(`/rooms/${room}/events`, { headers }, watchMs);
    headersMs = performance.now() - begin;
    if (!isStream(answer))
      return told(undefined, (await readText(answer)).slice(0, bodyCharactersMax));
    const decoder = new TextDecoder();
    let received = 0;
    for await (const bytes of answer.body ?? []) {
      firstMs ??= performance.now() - begin;
      received += bytes.length;
      if (received > bytesMax) return told("it says more than a clock would");
      parse(decoder.decode(bytes, { stream: true }));
      if (ticks.length >= enough) break;
    }
    return told(ticks.length < enough ? "it ended" : undefined);
  } catch (error) {
    const isOver = faultOf(error) === "ETIMEDOUT";
    return told(isOver ? undefined : faultOf(error));
  }
}

/** Judges what came. The ticks that came one by one tell the time. */
export function checkStream(visit: Visit, watched: WatchedStream, notes: Notes): void {
  const { status, headers, headersMs, firstMs, ticks, failure } = watched;
  const isStreamed = status === 200 && isEventStream(headers);
  if (status !== undefined && !isStreamed) return noteNoStream(visit, watched, notes);
  const advice = adviseBuffering(visit);
  if (firstMs === undefined) {
    const what =
      headersMs === undefined ? "not even headers come" : "headers come, and no byte after";
    const reason = failure === undefined ? `within ${watchMs / 1_000} s` : `(${failure})`;
    notes.fail("first bytes", `${what} ${reason}`, advice);
    return;
  }
  const numbers = { headersMs: round(headersMs ?? 0), firstMs: round(firstMs) };
  const seen = `after ${round(firstMs)} ms`;
  if (firstMs > firstMsMax) notes.warn("first bytes", seen, advice, numbers);
  else notes.ok("first bytes", seen, numbers);
  if (watched.room === clockRoom) noteTicks(visit, ticks, failure, advice, notes);
  else notes.skip("one by one", `nothing is said in ${watched.room}. ${letClock}`);
  noteCompression(headers, notes);
}

function noteTicks(
  { learned }: Visit,
  ticks: readonly Tick[],
  failure: string | undefined,
  advice: string,
  notes: Notes,
): void {
  const delays = ticks.map(({ at, arrivedAt }) => arrivedAt - at);
  const lateMs = delays.length === 0 ? 0 : Math.max(...delays) - Math.min(...delays);
  const numbers = { ticks: ticks.length, lateMs: Math.round(lateMs) };
  if (failure !== undefined) {
    const seen = `the stream broke after ${ticks.length} messages (${failure})`;
    notes.fail(
      "one by one",
      seen,
      "See in the proxy's log, and the server's, who ended it.",
      numbers,
    );
  } else if (ticks.length < 2) {
    const seen = `${ticks.length} of the ${ticksEnough} messages came in ${watchMs / 1_000} s`;
    notes.fail("one by one", `${seen}: something gathers them`, advice, numbers);
  } else if (lateMs > lateMsMax) {
    const seen = `${ticks.length} messages, some ${(lateMs / 1_000).toFixed(1)} s later than others`;
    notes.fail("one by one", `${seen}: they come in bursts`, advice, numbers);
  } else {
    const seen = `${ticks.length} messages of $clock, each within ${round(lateMs)} ms of its second`;
    notes.ok("one by one", seen, numbers);
    learned.ticks = ticks;
  }
}

function noteCompression(headers: Headers | undefined, notes: Notes): void {
  const encoding = headers?.get("content-encoding");
  if (!encoding) notes.ok("compression", "none, as it should be for a stream");
  else {
    const advice = "Leave text/event-stream out of what the proxy compresses (nginx: gzip_types).";
    notes.warn("compression", `${encoding}, which may hold messages back`, advice, { encoding });
  }
}

function noteNoStream(
  visit: Visit,
  { room, status, headers, body }: WatchedStream,
  notes: Notes,
): void {
  const problem = readProblem(headers, body);
  if (problem === undefined) {
    const type = headers?.get("content-type") ?? "no type";
    const seen = `GET /rooms/${room}/events answers ${status} with ${type}`;
    notes.fail("stream", seen, `Let /rooms/ through to the server: that was ${visit.culprit}.`);
  } else if (status === 401 && visit.options.token === undefined) {
    notes.skip("stream", "without a token the server shows nothing; give --token or --token-file");
  } else if (status === 401 || status === 403) {
    notes.skip("stream", `${problem} ${letClock}`);
  } else {
    notes.fail("stream", `refused with ${status}: ${problem}`, "See what the server says.");
  }
}

/** The sentence of a refusal of ours. Undefined for one of somebody else. */
export function readProblem(headers: Headers | undefined, body: string): string | undefined {
  if (headers?.get("content-type")?.startsWith("application/problem+json") !== true)
    return undefined;
  try {
    const { detail } = Object(JSON.parse(body));
    return typeof detail === "string" ? detail : undefined;
  } catch {
    return undefined; // it only claimed to be one
  }
}

function adviseBuffering({ culprit }: Visit): string {
  return (
    `Let ${culprit} pass streams on at once (nginx: proxy_buffering off; without ` +
    "proxy_ignore_headers X-Accel-Buffering. Caddy: flush_interval -1)."
  );
}

function isStream({ status, headers }: Response): boolean {
  return status === 200 && isEventStream(headers);
}

function isEventStream(headers: Headers | undefined): boolean {
  return headers?.get("content-type")?.startsWith("text/event-stream") === true;
}

function readAt(data: string): number | undefined {
  try {
    const { at } = Object(JSON.parse(data));
    return typeof at === "number" ? at : undefined;
  } catch {
    return undefined; // not of ours
  }
}
