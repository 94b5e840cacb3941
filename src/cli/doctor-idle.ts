/** Does anything cut what is quiet? Connections are held, and nothing is said on them by us. */

import { limits } from "../protocol/limits.ts";
import type { Notes } from "./doctor-finding.ts";
import { type Closing, Probe } from "./doctor-probe.ts";
import { toProtocols } from "./doctor-socket.ts";
import { answerMs, faultOf, pause, type Visit } from "./doctor-visit.ts";
import { formatCount, formatSeconds } from "./quantity.ts";

/** Within this the server itself speaks on a WebSocket, by a ping. */
const quietMsMax = 120_000;

export async function checkIdle(visit: Visit, notes: Notes): Promise<void> {
  if (visit.options.idleMs === 0) {
    notes.skip(
      "quiet lines",
      "not held; --idle 150s shows what cuts them before the server speaks",
    );
    return;
  }
  await Promise.all([holdSocket(visit, notes), holdStream(visit, notes)]);
}

async function holdSocket(visit: Visit, notes: Notes): Promise<void> {
  const { idleMs, signal, token } = visit.options;
  if (visit.learned.welcome === undefined) {
    notes.skip("WebSocket", "none of this program is welcome");
    return;
  }
  using probe = new Probe(visit, "/ws", toProtocols(token));
  if (!(await probe.opens(answerMs))) {
    notes.warn("WebSocket", "a second one does not open", "See how many one address may have.");
    return;
  }
  // The server ends connections from which never a frame came.
  probe.send(JSON.stringify({ type: "ping", data: "idle" }));
  const begin = performance.now();
  await Promise.race([probe.closed, pause(idleMs, signal)]);
  const { closing, pings } = probe;
  const spoke =
    pings === 0 ? "the server said nothing" : `the server sent ${formatCount(pings, "ping")}`;
  if (closing !== undefined) noteCut(visit, "WebSocket", closing, begin, notes);
  else {
    const rest = idleMs < quietMsMax ? "; it may be quiet for two minutes" : "";
    const seen = `open after ${formatSeconds(idleMs)}, in which ${spoke}${rest}`;
    notes.ok("WebSocket", seen, { heldMs: idleMs, pings });
  }
}

function noteCut(
  visit: Visit,
  check: string,
  { code, reason, at }: Closing,
  begin: number,
  notes: Notes,
): void {
  const heldMs = Math.round(at - begin);
  const numbers = { heldMs, code };
  const after = formatSeconds(heldMs);
  if (code !== 1006) {
    const seen = `closed after ${after} by the server: ${code} ${reason}`;
    notes.warn(check, seen, "See the server's log: nothing between you and it did that.", numbers);
    return;
  }
  const seen = `cut after ${after} of silence, without a word`;
  notes.fail(check, seen, adviseCut(visit), numbers);
}

/** A quiet room has comments only; `$clock` ticks, so that there only a bound of the whole is seen. */
async function holdStream(visit: Visit, notes: Notes): Promise<void> {
  const { idleMs, room, signal } = visit.options;
  const name = room ?? "$clock";
  const path = `/rooms/${encodeURIComponent(name)}/events`;
  const headers = { accept: "text/event-stream" };
  let begin = performance.now();
  try {
    const answer = await visit.ask(path, { headers }, idleMs + answerMs);
    if (!answer.ok || answer.body === null) {
      notes.skip("SSE", `${name} cannot be read (${answer.status})`);
      await answer.body?.cancel();
      return;
    }
    begin = performance.now();
    const reader = answer.body.getReader();
    const over = pause(idleMs, signal).then(() => "held" as const);
    for (;;) {
      const read = await Promise.race([reader.read(), over]);
      if (read === "held") {
        await reader.cancel();
        const seen = `open after ${formatSeconds(idleMs)}, ${describeTalk(room)}`;
        notes.ok("SSE", seen, { heldMs: idleMs });
        return;
      }
      if (read.done) break;
    }
    noteEnd(visit, begin, "ended", notes);
  } catch (error) {
    noteEnd(visit, begin, `cut (${faultOf(error)})`, notes);
  }
}

function describeTalk(room: string | undefined): string {
  return room === undefined
    ? "with the second's tick of $clock; --room names a quiet one"
    : `with what was said and a comment each ${limits.heartbeatMs / 1_000} s`;
}

function noteEnd(visit: Visit, begin: number, how: string, notes: Notes): void {
  const heldMs = Math.round(performance.now() - begin);
  notes.fail("SSE", `${how} after ${formatSeconds(heldMs)}`, adviseCut(visit), { heldMs });
}

function adviseCut({ culprit }: Visit): string {
  return (
    `Let ${culprit} leave quiet connections alone for 150 s ` +
    "(nginx: proxy_read_timeout 150s; HAProxy: timeout tunnel 150s)."
  );
}
