/** What everybody sees while a server's disk is full or fails, and that it heals by itself. */

import { describe, expect, test } from "bun:test";
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mountSmallDisk } from "../broker/small-disk.ts";
import { Client, type Frame } from "../support/client.ts";
import { eventually } from "../support/poll.ts";
import { fromSource, type RunningProgram, startProgram } from "../support/program.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

describe("a server whose disk is full", () => {
  test("turns publishers away, keeps its readers, says why, and heals when there is room", async () => {
    using disk = mountSmallDisk();
    if (disk === undefined) return;
    using server = await start(disk.path);
    const filler = join(disk.path, "filler");
    const fill = () => {
      const { bavail, bsize } = statfsSync(disk.path);
      writeFileSync(filler, new Uint8Array(bavail * bsize - 300_000));
    };
    await outlives(server, "The disk is full.", fill, () => rmSync(filler));
  });
});

describe("a server whose disk reports errors", () => {
  const isPossible = Bun.which("prlimit") !== null;
  test.if(isPossible)("does the same, and loses nothing it acknowledged", async () => {
    using folder = createTemporaryFolder();
    using server = await start(folder.path);
    // Files that may not be written past their first bytes: SQLite gets EFBIG for all it writes.
    const limit = (bytes: string) => {
      const { pid } = server.process;
      Bun.spawnSync(["prlimit", "--pid", String(pid), `--fsize=${bytes}:`]);
    };
    const cure = () => limit("unlimited");
    await outlives(server, "The disk reports an error.", () => limit("1000"), cure);
  });
});

/** Publishes until that fails, looks around, ends the fault, and publishes again. */
async function outlives(
  server: RunningProgram,
  reason: string,
  fault: () => void,
  cure: () => void,
): Promise<void> {
  const { url } = server;
  const stored: string[] = [(await (await publish(url)).json()).position];
  fault();
  const client = new Client(`${url.replace("http", "ws")}/ws`);
  await client.next("welcome");
  await client.join("hall");
  await client.join("$clock");
  let refused: Response | undefined;
  await eventually("a publish fails", async () => {
    const answer = await publish(url);
    if (answer.status === 201) stored.push((await answer.json()).position);
    else refused = answer;
    return refused !== undefined;
  });
  expect(refused?.status).toBe(503);
  expect(refused?.headers.get("retry-after")).toBe("1");
  expect(await refused?.json()).toMatchObject({ code: "unavailable" });
  const ready = await fetch(`${url}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([503, { status: "unavailable", reason }]);
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  const last = stored.at(-1);
  const ofHall = (frame: { room?: unknown }) => frame.room === "hall";
  for (const position of stored.slice(1)) {
    expect(await client.next("message", ofHall)).toMatchObject({ position });
  }
  const isTick = ({ room }: Frame) => room === "$clock";
  const ticks = client.all("message").filter(isTick).length;
  await eventually("the clock goes on", () => client.all("message").filter(isTick).length > ticks);
  const tail = await client.ask({ type: "history", room: "hall", limit: 1 });
  expect(tail).toMatchObject({ messages: [{ position: last }] });
  expect(await client.ask({ type: "message", room: "hall", content: 1 })).toMatchObject({
    type: "error",
    code: "unavailable",
  });
  cure();
  await eventually("it heals", async () => (await fetch(`${url}/readyz`)).ok);
  const again = await publish(url);
  const next = Number(last?.split(":")[1]) + 1;
  expect((await again.json()).position).toBe(`${last?.split(":")[0]}:${next}`);
  const heard = await client.next("message", ofHall);
  expect(String(heard.position)).toEndWith(`:${next}`);
  client.close();
  const { code, err } = await server.end("SIGTERM");
  expect(code).toBe(0);
  const told = err.split("\n").filter((line) => /message store/.test(line));
  expect(told).toEqual([
    expect.stringContaining(`The message store cannot be written to. ${reason}`),
    expect.stringMatching(/The message store is written to again, after \d+ ms\./),
  ]);
}

function start(folder: string): Promise<RunningProgram> {
  return startProgram([...fromSource, "--port", "0", "--data", folder], folder, {
    HOME: "/nonexistent",
    PARTYLINE_PUBLISHES_PER_SECOND: "0",
  });
}

function publish(url: string): Promise<Response> {
  return fetch(`${url}/rooms/hall/messages`, { method: "POST", body: "x".repeat(20_000) });
}
