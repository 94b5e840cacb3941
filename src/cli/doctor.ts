/** `partyline doctor`: reaches a server as a client would, and says what to change. */

import { durationKind } from "../config-value.ts";
import { assertRoomName } from "../protocol/room-name.ts";
import { runClient } from "./client-run.ts";
import type { Arguments, Run } from "./command.ts";
import { readUrl, type Target } from "./connection-options.ts";
import { checkCertificate } from "./doctor-certificate.ts";
import { checkClock } from "./doctor-clock.ts";
import { type Finding, Notes } from "./doctor-finding.ts";
import { checkHttp } from "./doctor-http.ts";
import { checkIdle } from "./doctor-idle.ts";
import { checkLimits } from "./doctor-limits.ts";
import { checkNetwork } from "./doctor-network.ts";
import { checkPublishing } from "./doctor-publish.ts";
import { countVerdicts, type DoctorReport, formatFinding, formatSummary } from "./doctor-report.ts";
import { checkSocket } from "./doctor-socket.ts";
import { checkStream, watchStream } from "./doctor-stream.ts";
import { checkToken } from "./doctor-token.ts";
import { faultOf, Visit } from "./doctor-visit.ts";
import { exitCodes, signalCodes } from "./exit-codes.ts";
import { optionOf, readOption, UsageError } from "./option.ts";
import { Progress } from "./progress.ts";
import type { EndSignal, Terminal } from "./terminal.ts";
import { toVisibleJson } from "./visible-text.ts";

const idleMsMax = 3_600_000;
const progressMs = 200;

/** One group of checks. Resolves to false where there is nobody to go on with. */
interface Step {
  readonly title: string;
  act(visit: Visit, notes: Notes): Promise<boolean | undefined>;
}

/**
 * Resolves to 0 when nothing failed, warnings or not, to 1 when anything did, and to 2 for wrong flags.
 * After a signal what was found so far is told.
 */
export const doctor: Run = (given, terminal) => {
  const { switches, options } = given;
  const placed = withAddress(given);
  if (typeof placed === "string") {
    terminal.complain(`${placed}\n`);
    return Promise.resolve(exitCodes.usage);
  }
  return runClient(placed, terminal, async (target) => {
    const room = optionOf(options, "room");
    const abort = new AbortController();
    const visit = new Visit({
      url: target.url,
      tls: target.tls,
      token: await target.options.token(),
      room: room === undefined ? undefined : assertRoomName(room),
      idleMs: readOption(options, "idle", durationKind(idleMsMax)) ?? 0,
      environment: terminal.environment,
      now: Date.now,
      signal: abort.signal,
    });
    return await look(visit, target, switches.has("json"), terminal, abort);
  });
};

/** The address may stand without `--url`. Returns a sentence where it may not. */
function withAddress(given: Arguments): Arguments | string {
  const [operand] = given.operands;
  if (operand === undefined) return given;
  if (given.options.has("url")) return "Give the address or --url, not both.";
  try {
    const url = readUrl(operand, "The address");
    return { ...given, options: new Map([...given.options, ["url", [url]]]) };
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

async function look(
  visit: Visit,
  target: Target,
  isJson: boolean,
  terminal: Terminal,
  abort: AbortController,
): Promise<number> {
  const interrupted = Promise.withResolvers<EndSignal>();
  terminal.onSignal(interrupted.resolve);
  const rows = new Rows(terminal, isJson);
  if (!isJson) terminal.write(`${target.url}\n`);
  const examined = examine(visit, rows);
  const ended = await Promise.race([examined, interrupted.promise]);
  abort.abort();
  rows.end();
  const counts = countVerdicts(rows.findings);
  const report: DoctorReport = {
    url: target.url,
    isWell: counts.failed === 0,
    isComplete: ended === true,
    durationMs: Math.round(rows.elapsedMs),
    counts,
    findings: rows.findings,
  };
  await terminal.print(isJson ? `${toVisibleJson(report)}\n` : formatSummary(report));
  if (typeof ended === "string") return signalCodes[ended];
  return report.isWell ? exitCodes.ok : exitCodes.failed;
}

/** Takes the groups in order. Resolves to whether all were looked at. */
async function examine(visit: Visit, rows: Rows): Promise<boolean> {
  const ground: Step[] = [
    { title: "Network", act: checkNetwork },
    { title: "TLS", act: checkCertificate },
    { title: "HTTP", act: checkHttp },
  ];
  for (const step of ground) if ((await take(visit, step, rows)) === false) return false;
  // It takes seconds, in which the others can be looked at.
  const watched = watchStream(visit);
  const rest: Step[] = [
    { title: "WebSocket", act: async (...both) => void (await checkSocket(...both)) },
    { title: "SSE", act: async (_, notes) => void checkStream(visit, await watched, notes) },
    { title: "Clock", act: async (...both) => void checkClock(...both) },
    { title: "Publishing", act: async (...both) => void (await checkPublishing(...both)) },
    { title: "Token", act: async (...both) => void checkToken(...both) },
    { title: "Idle", act: async (...both) => void (await checkIdle(...both)) },
    { title: "Limits", act: async (...both) => void (await checkLimits(...both)) },
  ];
  for (const step of rest) await take(visit, step, rows);
  return true;
}

async function take(visit: Visit, { title, act }: Step, rows: Rows): Promise<boolean | undefined> {
  rows.begin(title);
  const { token, signal } = visit.options;
  const notes = new Notes(title, token, (finding) => {
    if (!signal.aborted) rows.add(finding);
  });
  try {
    return await act(visit, notes);
  } catch (error) {
    // One check that met what it did not expect must not take the others with it.
    const advice = "Try again; if it stays so, look at the proxy's and the server's log.";
    notes.fail("check", `broke off: ${faultOf(error)}`, advice);
    return undefined;
  }
}

/** The rows, shown as they come. */
class Rows {
  readonly findings: Finding[] = [];
  readonly #terminal: Terminal;
  readonly #isJson: boolean;
  readonly #progress: Progress;
  readonly #ticking: ReturnType<typeof setInterval>;
  #title = "";

  constructor(terminal: Terminal, isJson: boolean) {
    this.#terminal = terminal;
    this.#isJson = isJson;
    this.#progress = new Progress(terminal, {});
    this.#ticking = setInterval(() => {
      const seconds = Math.floor(this.#progress.elapsedMs / 1_000);
      this.#progress.show(`Looking at ${this.#title}, ${seconds} s`, undefined);
    }, progressMs);
  }

  get elapsedMs(): number {
    return this.#progress.elapsedMs;
  }

  begin(title: string): void {
    this.#title = title;
  }

  add(finding: Finding): void {
    const isFirst = this.findings.at(-1)?.group !== finding.group;
    this.findings.push(finding);
    if (this.#isJson) return;
    const { isWatched, isColored, columns } = this.#terminal;
    const form = { isColored, columns: isWatched === true ? columns : undefined };
    this.#progress.end();
    this.#terminal.write(formatFinding(finding, isFirst, form));
  }

  end(): void {
    clearInterval(this.#ticking);
    this.#progress.end();
  }
}
