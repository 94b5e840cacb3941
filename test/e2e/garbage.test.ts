import { expect, test } from "bun:test";
import { Chance } from "../support/chance.ts";
import { eventually } from "../support/poll.ts";
import { fromSource, type RunningProgram, startProgram } from "../support/program.ts";
import { Tcp, toFrame } from "../support/tcp.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const words = [
  ...["type", "room", "content", "ref", "since", "before", "limit", "username", "binary", "id"],
  ...["join", "leave", "message", "signal", "history", "members", "auth", "echo", "ping", "token"],
  ...["general", "$clock", "start", "end", "a:1", "data", "__proto__", "constructor", "", "\0"],
];
const upgradeHeaders = ["Upgrade: websocket", "Connection: Upgrade"];

function pick<Item>(chance: Chance, items: readonly Item[]): Item {
  return items[chance.below(items.length)] as Item;
}

/** Bytes, or text of a kind that somebody might send who means ill or knows no better. */
function garble(chance: Chance, depth = 0): unknown {
  switch (chance.below(depth > 3 ? 6 : 8)) {
    case 0:
      return pick(chance, words);
    case 1:
      return pick(chance, [0, -1, 1e308, 0.1, Number.MAX_SAFE_INTEGER, 2 ** 63]);
    case 2:
      return pick(chance, [null, true, false]);
    case 3:
      return "x".repeat(chance.below(300));
    case 4:
      return String.fromCharCode(...Array.from({ length: 5 }, () => chance.below(65_536)));
    case 5:
      return pick(chance, words);
    case 6:
      return Array.from({ length: chance.below(4) }, () => garble(chance, depth + 1));
    default: {
      const fields = Array.from({ length: chance.below(6) }, () => {
        return [pick(chance, words), garble(chance, depth + 1)];
      });
      return Object.fromEntries(fields);
    }
  }
}

/** A frame that is often almost right. */
function garbleFrame(chance: Chance): string {
  const type = pick(chance, ["join", "leave", "message", "signal", "history", "members", "echo"]);
  const frame: Record<string, unknown> = { type, room: pick(chance, ["a", "b", "c", "$server"]) };
  for (let left = chance.below(4); left > 0; left -= 1) {
    frame[pick(chance, words)] = garble(chance);
  }
  const text = JSON.stringify(frame);
  return chance.isLucky(0.2) ? text.slice(0, chance.below(text.length)) : text;
}

function garbleBytes(chance: Chance): Uint8Array {
  return Uint8Array.from({ length: chance.below(200) }, () => chance.below(256));
}

/** Sends frames over one connection, until it is closed or `count` of them are sent. */
async function throwFrames(port: number, chance: Chance, count: number): Promise<string> {
  using tcp = new Tcp(port);
  tcp.upgrade("/ws", ...upgradeHeaders);
  await tcp.match(/welcome/);
  for (let sent = 0; sent < count && !tcp.isClosed; sent += 1) {
    const frame = chance.isLucky(0.1)
      ? toFrame(2, chance.isLucky(0.5) ? garbleBytes(chance) : Uint8Array.of(1, 1, 97, 7))
      : toFrame(1, Buffer.from(garbleFrame(chance)));
    tcp.write(frame);
    // A good frame between, so that bad ones seldom come three in a row.
    tcp.write(toFrame(1, Buffer.from('{"type":"ping"}')));
    if (sent % 25 === 0) await chance.pause(10);
  }
  // Sometimes what is no frame at all.
  if (chance.isLucky(0.3)) tcp.write(garbleBytes(chance));
  else if (!tcp.isClosed) {
    tcp.write(toFrame(1, Buffer.from('{"type":"ping","data":"the end"}')));
    await eventually("the last answer", () => tcp.isClosed || tcp.text.includes("the end"));
  }
  return tcp.text;
}

/** Sends one request, and returns what came back until the answer had begun. */
async function throwRequest(port: number, chance: Chance): Promise<string> {
  using tcp = new Tcp(port);
  const method = pick(chance, ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "BREW"]);
  const room = pick(chance, ["a", "%24clock", "%00", "%ff", "..", "a%2Fb", "x".repeat(200), "%"]);
  const rest = pick(chance, ["messages", "events", "members", "", "files/x"]);
  const name = pick(chance, ["since", "before", "limit", "room", "username", "x"]);
  const value = encodeURIComponent(String(JSON.stringify(garble(chance))).toWellFormed());
  const body = chance.isLucky(0.5) ? garbleFrame(chance) : String(garble(chance)).toWellFormed();
  const type = pick(chance, [
    "application/json",
    "text/plain",
    "application/octet-stream",
    "x/y",
    "",
  ]);
  tcp.request(
    `${method} /rooms/${room}/${rest}?${name}=${value} HTTP/1.1`,
    `Content-Type: ${type}`,
    `Last-Event-ID: ${pick(chance, ["", "a:1", "a@x:1", "%", "x".repeat(5_000)])}`,
    `Content-Length: ${Buffer.byteLength(body) + (chance.isLucky(0.1) ? chance.below(9) : 0)}`,
    "Connection: close",
  );
  tcp.write(body);
  if (chance.isLucky(0.2)) return tcp.text; // gone before the answer
  const hasBegun = () => tcp.isClosed || tcp.text.includes("\r\n");
  await Promise.race([eventually("an answer", hasBegun), Bun.sleep(300)]);
  return tcp.text;
}

async function read(program: RunningProgram, name: string): Promise<number> {
  const metrics = await (await fetch(`${program.url}/metrics`)).text();
  return Number(
    metrics
      .split("\n")
      .find((line) => line.startsWith(`${name} `))
      ?.split(" ")[1],
  );
}

test("garbage at every door is answered, leaves nothing behind, and is no defect", async () => {
  using folder = createTemporaryFolder();
  const options = ["--port", "0", "--log-level", "error", "--log-format", "json"];
  using program = await startProgram([...fromSource, "serve", ...options], folder.path);
  const port = Number(new URL(program.url).port);
  const chance = new Chance(Number(process.env.PARTYLINE_TEST_SEED ?? 9));

  const answers: string[] = [];
  for (let round = 0; round < 30; round += 1) {
    const connections = Array.from({ length: 4 }, () => throwFrames(port, chance, 50));
    const requests = Array.from({ length: 30 }, () => throwRequest(port, chance));
    answers.push(...(await Promise.all([...connections, ...requests])));
  }
  const text = answers.join("\n");
  expect(text).not.toContain('"internal"');
  expect(text).not.toMatch(/^HTTP\/1.1 5/m);
  // Not only garbage: what was almost right was obeyed.
  for (const type of ["joined", "left", "ack", "history", "members", "echo", "pong", "error"]) {
    expect(text).toContain(`{"type":"${type}"`);
  }
  await eventually("nobody to be left", async () => {
    const gauges = ['partyline_connections{transport="websocket"}', "partyline_rooms"];
    gauges.push('partyline_connections{transport="sse"}');
    for (const gauge of gauges) if ((await read(program, gauge)) !== 0) return false;
    return true;
  });
  const { code, err } = await program.end("SIGTERM");
  expect(code).toBe(0);
  expect(err).not.toContain('"level"');
}, 60_000);
