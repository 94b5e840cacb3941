/** Publishing: does a body of the largest size get through, and does what is said arrive? */

import type { Notes } from "./doctor-finding.ts";
import { round } from "./doctor-network.ts";
import { Probe } from "./doctor-probe.ts";
import { toProtocols } from "./doctor-socket.ts";
import { readProblem } from "./doctor-stream.ts";
import { answerMs, faultOf, readText, type Visit } from "./doctor-visit.ts";
import { formatBytes } from "./quantity.ts";

const triedBytesMax = 1_048_576;
/** The room that is named where none is given; nothing is ever stored there. */
const usualRoom = "doctor";

export async function checkPublishing(visit: Visit, notes: Notes): Promise<void> {
  await checkBody(visit, notes);
  const { room } = visit.options;
  if (room === undefined) {
    notes.skip("a room", "nothing was published; --room names a room for one message");
    return;
  }
  await checkRoom(visit, room, notes);
}

/** What is no JSON is read to its end and then refused, so that nothing of it stays. */
async function checkBody(visit: Visit, notes: Notes): Promise<void> {
  const size = Math.min(visit.learned.welcome?.frameBytesMax ?? triedBytesMax, triedBytesMax);
  let answer: Response;
  try {
    answer = await visit.ask(
      `/rooms/${encodeURIComponent(visit.options.room ?? usualRoom)}/messages`,
      {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: new Uint8Array(size).fill(0x78),
      },
      answerMs * 2,
    );
  } catch (error) {
    // Where the room is not to be written to, that may be said before all was sent.
    const seen = `no answer to a POST of ${formatBytes(size)} (${faultOf(error)})`;
    notes.warn("bodies", seen, "Name a room that the token may write to with --room.");
    return;
  }
  const problem = readProblem(answer.headers, await readText(answer));
  const words = formatBytes(size);
  const numbers = { bytes: size, status: answer.status };
  if (problem !== undefined && answer.status !== 413) {
    notes.ok("bodies", `a POST of ${words} reaches the server`, numbers);
  } else if (answer.status === 413) {
    const advice = `Let bodies of ${words} pass (nginx: client_max_body_size 0;).`;
    notes.fail("bodies", `a POST of ${words} is refused by ${visit.culprit}`, advice, numbers);
  } else {
    const seen = `a POST is answered with ${answer.status} by ${visit.culprit}`;
    notes.fail("bodies", seen, "Let POST to /rooms/ through to the server.", numbers);
  }
}

/** Publishes one message, and waits for it as its own reader. */
async function checkRoom(visit: Visit, room: string, notes: Notes): Promise<void> {
  using probe = new Probe(visit, "/ws", toProtocols(visit.options.token));
  if (visit.learned.welcome === undefined || !(await probe.opens(answerMs))) {
    await publishByPost(visit, room, notes);
    return;
  }
  const answerTo = (ref: string) => probe.find((frame) => frame.ref === ref, answerMs);
  probe.send(JSON.stringify({ type: "join", ref: "join", room }));
  const joined = await answerTo("join");
  if (joined?.type !== "joined") {
    const reason = joined === undefined ? "no answer" : String(joined.message);
    notes.warn("a room", `${room} cannot be read: ${reason}`, "Give a token with read for it.");
    await publishByPost(visit, room, notes);
    return;
  }
  const id = crypto.randomUUID();
  const begin = performance.now();
  let ackMs: number | undefined;
  let deliveredMs: number | undefined;
  let refusal: string | undefined;
  probe.send(
    JSON.stringify({ type: "message", ref: "say", room, id, content: "partyline doctor" }),
  );
  const arrived = await probe.find((frame) => {
    if (frame.ref === "say" && frame.type === "ack") ackMs = performance.now() - begin;
    else if (frame.ref === "say") refusal = String(frame.message);
    const isHere = frame.type === "message" && frame.id === id;
    if (isHere) deliveredMs ??= performance.now() - begin;
    return refusal !== undefined || (ackMs !== undefined && deliveredMs !== undefined);
  }, answerMs);
  if (refusal !== undefined) {
    notes.warn("a room", `${room} takes nothing: ${refusal}`, "Give a token with write for it.");
  } else if (arrived === undefined) {
    const seen = ackMs === undefined ? "not acknowledged" : "stored, and not delivered";
    notes.fail("a room", `one message in ${room} was ${seen}`, "See the server's log and /readyz.");
  } else noteDelivery(room, ackMs ?? 0, deliveredMs ?? 0, notes);
}

function noteDelivery(room: string, ackMs: number, deliveredMs: number, notes: Notes): void {
  const times = `stored after ${round(ackMs)} ms, delivered after ${round(deliveredMs)} ms`;
  const seen = `one message in ${room}, which stays there: ${times}`;
  notes.ok("a room", seen, { ackMs: round(ackMs), deliveredMs: round(deliveredMs) });
}

/** For whoever may write and not read, or where no WebSocket gets through. */
async function publishByPost(visit: Visit, room: string, notes: Notes): Promise<void> {
  const begin = performance.now();
  const answer = await visit.ask(`/rooms/${encodeURIComponent(room)}/messages`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ content: "partyline doctor" }),
  });
  const problem = readProblem(answer.headers, await readText(answer));
  const ms = round(performance.now() - begin);
  if (answer.ok) {
    notes.ok("a POST", `one message in ${room}, which stays there: stored after ${ms} ms`, { ms });
  } else {
    const seen = `${room} takes nothing: ${problem ?? `status ${answer.status}`}`;
    notes.warn("a POST", seen, "Give a token with write for it.");
  }
}
