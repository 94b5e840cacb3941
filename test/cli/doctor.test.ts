/** `partyline doctor`: what it sees of servers and proxies that are well, and of those that are not. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Server } from "bun";
import { checkClock } from "../../src/cli/doctor-clock.ts";
import { type Finding, Notes, type Verdict } from "../../src/cli/doctor-finding.ts";
import { type DoctorReport, formatFinding } from "../../src/cli/doctor-report.ts";
import { type Tick, Visit } from "../../src/cli/doctor-visit.ts";
import { runCommandLine } from "../../src/cli/program.ts";
import type { EndSignal } from "../../src/cli/terminal.ts";
import { loadSelfSigned } from "../../src/http/self-signed.ts";
import { type CommandOutcome, runCommand } from "../support/command-line.ts";
import { FaultProxy } from "../support/fault-proxy.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";
import { undisturbed } from "../support/stall-watch.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { createTerminal } from "../support/terminal.ts";
import { createToken, inSeconds, withTokens } from "../support/tokens.ts";

const seconds = 150_000;
/** Milliseconds without a turn that tell of the machine, and not of what is looked at. */
const stallMsMax = 500;
const folder = "/";

/** What the doctor said of one address. */
interface Visited {
  readonly code: number;
  readonly report: DoctorReport;
  /** Everything that it wrote. */
  readonly text: string;
}

async function visit(...given: string[]): Promise<Visited> {
  const { code, out, err } = await runCommand(folder, ["doctor", "--json", ...given]);
  return { code, report: JSON.parse(out), text: out + err };
}

function find({ report }: Visited, group: string, check: string): Finding {
  const found = report.findings.find((each) => each.group === group && each.check === check);
  if (found === undefined) throw new Error(`No ${group} ${check} in ${JSON.stringify(report)}`);
  return found;
}

/** The findings of a verdict as `group check`. */
function list({ report }: Visited, verdict: Verdict): string[] {
  const found = report.findings.filter((each) => each.verdict === verdict);
  return found.map(({ group, check }) => `${group} ${check}`);
}

/** A server that says `/livez` as ours does, and else what `answer` says. */
function pretend(answer: (request: Request) => Response): Server<unknown> {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) =>
      new URL(request.url).pathname === "/livez"
        ? Response.json({ status: "ok" }, { headers: { date: late } })
        : answer(request),
  });
}

/** Visits a server whose certificate, good for a year, was made so many days ago. */
async function visitAged(days: number, hostname = "127.0.0.1"): Promise<Visited> {
  using certificates = createTemporaryFolder();
  const { path } = certificates;
  const { cert, key } = await loadSelfSigned(path, "127.0.0.1", Date.now() - days * 86_400_000);
  const server = Bun.serve({
    hostname,
    port: 0,
    tls: { cert, key },
    fetch: () => new Response("no server of ours"),
  });
  try {
    const ca = join(path, "self-signed.crt");
    return await visit("--ca", ca, `https://${hostname}:${server.port}`);
  } finally {
    await server.stop(true);
  }
}

const late = new Date(Date.now() - 3_600_000).toUTCString();
const problem = { headers: { "content-type": "application/problem+json" } };

describe("the doctor", () => {
  let visits: Readonly<Record<string, Visited>> = {};
  const open: (AsyncDisposable | Disposable)[] = [];
  let plain: CommandOutcome;
  let plainUrl = "";
  let signed: Readonly<Record<"good" | "bad" | "reader" | "writer", string>>;
  let refusingUrl = "";
  let bare: Visited["text"];

  beforeAll(async () => {
    const calm = await TestServer.start();
    const server = await TestServer.start();
    const locked = await TestServer.start(withTokens);
    const secure = await TestServer.start({ tlsSelfSigned: true, host: "127.0.0.1" });
    open.push(calm, server, locked, secure);
    plainUrl = calm.url;
    const rooms = { hall: ["read", "write"], $clock: ["read"] };
    const sign = async () => ({
      good: await createToken({ sub: "alice", rooms, exp: inSeconds(3_620) }),
      bad: await createToken({ sub: "alice", rooms }, "another secret that is long enough, too"),
      reader: await createToken({ sub: "ada", rooms: { hall: ["read"] } }),
      writer: await createToken({ sub: "job", rooms: { hall: ["write"] } }),
    });
    const refusing = new FaultProxy(server.port, { upgrades: 403 });
    const stripping = new FaultProxy(server.port, { upgrades: "strip" });
    const holding = new FaultProxy(server.port, { bufferBytes: Infinity, buffersHead: true });
    const gathering = new FaultProxy(server.port, { bufferBytes: 700 });
    const hasty = new FaultProxy(server.port, { idleMs: 1_600 });
    open.push(refusing, stripping, holding, gathering, hasty);
    refusingUrl = refusing.url;
    const stranger = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("hi") });
    const tired = pretend(() =>
      Response.json({ status: "unavailable", reason: "draining" }, { status: 503 }),
    );
    const parrot = pretend((request) => {
      const detail = `\u001b[2J\u202e${request.headers.get("authorization")}`;
      return Response.json({ code: "internal", detail }, { status: 500, ...problem });
    });
    const moved = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: ({ url }) => Response.redirect(url.replace("http", "https"), 301),
    });
    for (const each of [stranger, tired, parrot, moved]) {
      open.push({ [Symbol.dispose]: () => void each.stop(true) });
    }
    const ca = join(secure.folder, "tls/self-signed.crt");
    /** Each visit waits for seconds, so all are made at once. */
    const visitAll = () => ({
      spoken: visit("--token", signed.good, "--room", "hall", locked.url),
      mistrusted: visit("--token", signed.bad, locked.url),
      reader: visit("--token", signed.reader, "--room", "hall", locked.url),
      writer: visit("--token", signed.writer, "--room", "hall", locked.url),
      nobody: visit(locked.url),
      unproven: visit(secure.url),
      insecure: visit("--insecure", secure.url),
      vouched: visit("--ca", ca, secure.url),
      plainOverTls: visit(secure.url.replace("https", "http")),
      tlsOverPlain: visit(server.url.replace("http", "https")),
      refusing: visit(refusing.url),
      stripping: visit("--room", "below", stripping.url),
      holding: visit(holding.url),
      gathering: visit(gathering.url),
      hasty: visit("--idle", "3s", hasty.url),
      held: visit("--idle", "1s", "--room", "quiet", server.url),
      stranger: visit(`http://127.0.0.1:${stranger.port}`),
      tired: visit(`http://127.0.0.1:${tired.port}`),
      parrot: visit("--token", signed.good, `http://127.0.0.1:${parrot.port}`),
      moved: visit(`http://127.0.0.1:${moved.port}`),
      nothing: visit("http://127.0.0.1:1"),
    });
    const made = await undisturbed(stallMsMax, async () => {
      signed = await sign();
      const running = Object.entries(visitAll());
      const alone = runCommand(folder, ["doctor", calm.url]);
      const ended = running.map(async ([name, visited]) => [name, await visited] as const);
      return { visited: await Promise.all(ended), alone: await alone };
    });
    visits = Object.fromEntries(made.visited);
    plain = made.alone;
    bare = Object.values(visits)
      .map(({ text }) => text)
      .join("\n");
  }, seconds);
  afterAll(async () => {
    for (const each of open.reverse()) {
      if (Symbol.asyncDispose in each) await each[Symbol.asyncDispose]();
      else each[Symbol.dispose]();
    }
  });

  function seen(name: string): Visited {
    const made = visits[name];
    if (made === undefined) throw new Error(`No visit ${name}`);
    return made;
  }

  test("finds nothing wrong with a plain server, and leaves nothing there", async () => {
    expect(plain.code).toBe(0);
    expect(plain.err).toBe("");
    expect(plain.out).toStartWith(`${plainUrl}\n\nNetwork\n  ok       connect `);
    expect(plain.out).toMatch(/\n {2}ok {7}one by one {8}4 messages of \$clock/);
    expect(plain.out).toMatch(/\n\d+ ok, 0 warnings, 0 failed, \d+ skipped\.\n$/);
    const { rooms } = await (await fetch(`${plainUrl}/rooms`)).json();
    const names = rooms.map(({ room }: { room: string }) => room);
    expect(names.sort()).toEqual(["$clock", "$server"]);
  });

  test("says nothing of the token but what it allows, and whose it is", async () => {
    const spoken = seen("spoken");
    expect(list(spoken, "failed")).toEqual([]);
    expect(find(spoken, "Token", "accepted").seen).toBe("yes, as alice, called alice");
    expect(find(spoken, "Token", "rooms").seen).toBe("hall read,write; $clock read");
    expect(find(spoken, "Token", "lifetime").seen).toBe("60 minutes left");
    expect(bare).not.toContain(signed.good);
    expect(bare).not.toContain(signed.bad);
  });

  test("publishes one message in a room that is named", async () => {
    const { verdict, seen: text } = find(seen("spoken"), "Publishing", "a room");
    expect(verdict).toBe("ok");
    expect(text).toMatch(/^one message in hall, which stays there: stored after .* ms, delivered/);
  });

  test("says what a token may not do in that room", async () => {
    const reader = seen("reader");
    expect(list(reader, "warning")).toEqual(["Publishing a room"]);
    expect(find(reader, "Publishing", "a room").seen).toStartWith("hall takes nothing: ");
    expect(find(reader, "SSE", "first bytes").verdict).toBe("ok");
    expect(find(reader, "SSE", "one by one").verdict).toBe("skipped");
    const writer = seen("writer");
    expect(list(writer, "warning")).toEqual(["Publishing a room"]);
    expect(find(writer, "Publishing", "a room").seen).toStartWith("hall cannot be read: ");
    expect(find(writer, "Publishing", "a POST").verdict).toBe("ok");
    expect(find(writer, "SSE", "stream").seen).toContain('"$clock":["read"]');
  });

  test("publishes it by POST where no WebSocket gets through", async () => {
    expect(find(seen("stripping"), "Publishing", "a POST").verdict).toBe("ok");
  });

  test("says why a token is refused, and sends nobody on without", async () => {
    const mistrusted = seen("mistrusted");
    expect(mistrusted.code).toBe(1);
    expect(list(mistrusted, "failed")).toEqual(["Token accepted"]);
    expect(find(mistrusted, "Token", "accepted").seen).toStartWith("no: ");
    const nobody = seen("nobody");
    expect(nobody.code).toBe(0);
    expect(find(nobody, "SSE", "stream").verdict).toBe("skipped");
  });

  test("goes no further with a certificate that nobody vouches for", async () => {
    const unproven = seen("unproven");
    expect(unproven.code).toBe(1);
    expect(list(unproven, "failed")).toEqual(["TLS certificate"]);
    expect(unproven.report.isComplete).toBe(false);
    expect(find(unproven, "TLS", "certificate").advice).toContain("--ca");
    expect(list(seen("insecure"), "warning")).toEqual(["TLS certificate"]);
    const vouched = seen("vouched");
    expect([...list(vouched, "failed"), ...list(vouched, "warning")]).toEqual([]);
    expect(find(vouched, "HTTP", "HTTP/2").verdict).toBe("ok");
  });

  test("counts the days that a certificate has left", async () => {
    const [fresh, old, dead] = await Promise.all([340, 350, 400].map((days) => visitAged(days)));
    if (!fresh || !old || !dead) throw new Error("There were three visits.");
    expect(find(fresh, "TLS", "expiry").verdict).toBe("ok");
    expect(find(fresh, "TLS", "ALPN").verdict).toBe("warning");
    expect(find(old, "TLS", "expiry")).toMatchObject({
      verdict: "warning",
      numbers: { daysLeft: 14 },
    });
    expect(list(dead, "failed")).toEqual(["TLS expiry", "TLS certificate"]);
    expect(find(dead, "TLS", "certificate").seen).toEndWith("; run out");
  });

  test("sees a certificate that is for another name", async () => {
    const elsewhere = await visitAged(1, "127.0.0.2");
    expect(list(elsewhere, "failed")).toEqual(["TLS certificate"]);
    expect(find(elsewhere, "TLS", "certificate").seen).toEndWith("; not for 127.0.0.2");
  });

  test("tells http from https", async () => {
    expect(find(seen("plainOverTls"), "HTTP", "HTTP/1.1").advice).toStartWith("Is it https:");
    const advice = "Is it http:// on port";
    expect(find(seen("tlsOverPlain"), "TLS", "handshake").advice).toStartWith(advice);
  });

  test("says who refuses a WebSocket, and how", async () => {
    const refusing = seen("refusing");
    expect(refusing.code).toBe(1);
    expect(list(refusing, "failed")).toEqual(["WebSocket upgrade"]);
    const { seen: text, advice } = find(refusing, "WebSocket", "upgrade");
    expect(text).toBe("refused with 403 by somebody without a name");
    expect(advice).toContain("proxy_set_header Upgrade");
    const stripped = find(seen("stripping"), "WebSocket", "upgrade");
    expect(stripped.seen).toStartWith("refused with 426 by the server");
    expect(stripped.advice).toContain("without its Upgrade");
  });

  test("sees a stream that is held back, and one that comes in bursts", async () => {
    const held = find(seen("holding"), "SSE", "first bytes");
    expect(held.verdict).toBe("failed");
    expect(held.seen).toStartWith("not even headers come");
    expect(held.advice).toContain("proxy_buffering off;");
    const { verdict, seen: text } = find(seen("gathering"), "SSE", "one by one");
    expect(verdict).toBe("failed");
    expect(text).toMatch(/bursts|gathers/);
  });

  test("sees what cuts quiet lines, and holds those that nobody cuts", async () => {
    const hasty = seen("hasty");
    const cut = find(hasty, "Idle", "WebSocket");
    expect(cut.verdict).toBe("failed");
    expect(cut.seen).toMatch(/^cut after [12]\.\d s of silence/);
    expect(cut.advice).toContain("proxy_read_timeout 150s;");
    expect(find(hasty, "Idle", "SSE").verdict).toBe("ok");
    const held = seen("held");
    expect(find(held, "Idle", "WebSocket").seen).toStartWith("open after 1.0 s");
    expect(find(held, "Idle", "SSE").seen).toContain("a comment each 15 s");
  });

  test("knows what is no server of ours, and what is nothing at all", async () => {
    const stranger = seen("stranger");
    expect(stranger.code).toBe(1);
    expect(find(stranger, "HTTP", "HTTP/1.1").advice).toStartWith("That is no Partyline server");
    const moved = find(seen("moved"), "HTTP", "HTTP/1.1");
    expect(moved.advice).toMatch(/^Give the address that it leads to: https:\/\/127.0.0.1:\d+$/);
    const nothing = seen("nothing");
    expect(nothing.code).toBe(1);
    expect(list(nothing, "failed")).toEqual(["Network connect"]);
    expect(nothing.report.isComplete).toBe(false);
  });

  test("says why a server takes no work, and that its clock is wrong", async () => {
    const tired = seen("tired");
    const { verdict, seen: text } = find(tired, "HTTP", "ready");
    expect([verdict, text]).toEqual(["failed", "the server takes no new work: draining"]);
    const clock = find(tired, "Clock", "clock");
    expect(clock.verdict).toBe("warning");
    expect(clock.seen).toMatch(/^the server is 3[56]\d\d\.\d s behind this machine, by the Date/);
    expect(clock.advice).toContain("NTP");
  });

  test("obeys nothing that a server says, and repeats no token", async () => {
    const { text } = seen("parrot");
    expect(text).toContain("(the token)");
    for (const sign of ["\u001b", "\u202e"]) expect(text).not.toContain(sign);
  });

  test("tells at Ctrl-C what it found so far", async () => {
    let end = (_signal: EndSignal) => {};
    const onSignal = (act: (signal: EndSignal) => void) => {
      end = act;
    };
    const { terminal, transcript } = createTerminal({ folder, onSignal });
    const running = runCommandLine(["doctor", refusingUrl], terminal);
    await eventually("the first of it", () => transcript.out.includes("HTTP/1.1"));
    end("SIGINT");
    expect(await running).toBe(130);
    expect(transcript.out).toEndWith(" The rest was not looked at.\n");
  });
});

describe("the doctor's command line", () => {
  test.each([
    [["localhost:8080"], 'did you mean "http://localhost:8080"?'],
    [["http://a", "--url", "http://b"], "not both"],
    [["http://127.0.0.1:1", "--idle", "soon"], "--idle is"],
  ])("refuses %p", async (given, reason) => {
    const { code, out, err } = await runCommand(folder, ["doctor", ...given]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(reason);
  });
});

describe("a clock", () => {
  function judge(ticks: readonly Tick[], dateDifferenceMs?: number): Finding | undefined {
    const signal = new AbortController().signal;
    const rest = { tls: {}, token: undefined, room: undefined, idleMs: 0, environment: {}, signal };
    const at = new Visit({ url: "http://127.0.0.1", now: () => 0, ...rest });
    Object.assign(at.learned, { ticks, dateDifferenceMs, roundTripMs: 100 });
    let found: Finding | undefined;
    checkClock(
      at,
      new Notes("Clock", undefined, (finding) => {
        found = finding;
      }),
    );
    return found;
  }

  test("is compared by the tick that came fastest, half a round trip ago", () => {
    const ticks = [1_000, 50, 400].map((delay, index) => {
      return { at: index * 1_000, arrivedAt: index * 1_000 + delay };
    });
    expect(judge(ticks)).toMatchObject({ verdict: "ok", numbers: { differenceMs: 0 } });
  });

  test("may be 2 s away, and no more", () => {
    const at = (differenceMs: number) => [{ at: 10_000 + differenceMs, arrivedAt: 10_050 }];
    expect(judge(at(2_000))?.verdict).toBe("ok");
    expect(judge(at(2_001))).toMatchObject({
      verdict: "warning",
      seen: "the server is 2.0 s ahead of this machine, by $clock",
    });
    expect(judge(at(-2_001))?.verdict).toBe("warning");
    expect(judge([], 3_000)?.verdict).toBe("warning");
    expect(judge([])?.verdict).toBe("skipped");
  });
});

describe("a row", () => {
  const finding: Finding = {
    group: "SSE",
    check: "first bytes",
    verdict: "failed",
    seen: "one two three four five six seven eight nine ten",
    advice: "eleven",
  };

  test("is broken on a terminal below its first word, and not in a pipe", () => {
    const broken = formatFinding(finding, false, { isColored: false, columns: 70 });
    const space = " ".repeat(29);
    expect(broken).toBe(
      `  failed   first bytes       one two three four five six seven eight\n${space}nine ten\n${space}→ eleven\n`,
    );
    const whole = formatFinding(finding, false, { isColored: false, columns: undefined });
    expect(whole).toContain("nine ten\n");
    expect(whole.split("\n")).toHaveLength(3);
  });

  test("has colours only where it may", () => {
    const colored = formatFinding(finding, true, { isColored: true, columns: undefined });
    expect(colored).toContain("\u001b[31mfailed \u001b[0m");
    const bare = formatFinding(finding, true, { isColored: false, columns: undefined });
    expect(bare).not.toContain("\u001b");
    expect(bare).toStartWith("\nSSE\n");
  });
});
