import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Hub } from "../../src/hub/hub.ts";
import { createCallers, revokedId } from "../support/caller.ts";
import { Client } from "../support/client.ts";
import { EventReader } from "../support/event-reader.ts";
import { eventually } from "../support/poll.ts";
import { fromSource, startProgram } from "../support/program.ts";
import { TestServer } from "../support/server.ts";
import { createTemporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";
import { audience, connectAs, createToken, tokenSecret, withTokens } from "../support/tokens.ts";

let folder: TemporaryFolder;
beforeEach(() => {
  folder = createTemporaryFolder();
});
afterEach(() => folder[Symbol.dispose]());

const all = { "*": ["read", "write", "admin"] };

/** The parts of what must not be seen that nothing else is likely to hold. */
function toNeedles(tokens: readonly string[]): string[] {
  const parts = tokens.flatMap((token) => token.split(".").slice(1));
  const secret = Buffer.from(tokenSecret);
  const written = [tokenSecret, secret.toString("base64url"), secret.toString("hex")];
  return [...parts.filter((part) => part.length > 20), ...written];
}

/** The needles that some text holds. */
function findIn(texts: readonly string[], needles: readonly string[]): string[] {
  return needles.filter((needle) => texts.some((text) => text.includes(needle)));
}

/** Shows a token at every door, right and wrong, and returns all that was answered. */
async function showEverywhere(url: string, token: string): Promise<string[]> {
  const heard: string[] = [];
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${url}${path}`, init);
    heard.push(JSON.stringify([...response.headers]), await response.text());
  };
  const bearer = { authorization: `Bearer ${token}` };
  const query = `access_token=${token}`;
  for (const path of [
    "/rooms",
    "/rooms/a/messages",
    "/rooms/a/members",
    "/nowhere",
    "/files/none",
    "/metrics",
    "/admin/connections",
  ]) {
    await ask(path, { headers: bearer });
    await ask(path, { headers: { ...bearer, traceparent: `00-${token}-${token}-01` } });
    await ask(path, { headers: { ...bearer, "x-forwarded-for": token, forwarded: token } });
    await ask(`${path}?${query}`);
    await ask(`${path}?${query}&${query}x`);
    await ask(path, { headers: { authorization: `Bearer ${token} ${token}` } });
  }
  await ask(`/rooms/%zz?${query}`);
  await ask(`/rooms/a/messages?${query}&since=wrong`);
  await ask(`/ws?${query}`);
  for (const path of ["/auth/renew", "/auth/revoke", "/auth/disconnect", "/rooms/a/messages"]) {
    const headers = { ...bearer, "content-type": "application/json" };
    const body = JSON.stringify({ connection: "none", token, content: 1 });
    for (const each of [body, body.slice(0, -1), JSON.stringify({ token: [token] })]) {
      await ask(`${path}?${query}`, { method: "POST", headers, body: each });
    }
  }
  using stream = new EventReader(`${url}/rooms/a/events?${query}`);
  await eventually("the first bytes, or a refusal", () => stream.text !== "" || stream.isEnded);
  const socketUrl = `${url.replace("http", "ws")}/ws`;
  const clients = [
    new Client(socketUrl, ["partyline.v1", `bearer.${token}`]),
    new Client(`${socketUrl}?${query}`),
    new Client(socketUrl),
  ];
  for (const client of clients) {
    const first = await eventually("a first frame", () => client.frames[0]);
    if (first.type === "welcome") {
      client.send(`{"type":"auth","token":"${token}"`);
      client.send({ type: "auth", token: [token] });
      await client.join("a", { username: "x" });
      await client.ask({ type: "auth", token });
    }
    heard.push(JSON.stringify(client.frames));
    client.socket.close(4_000, token.slice(-100)); // a reason is what a client says, whatever that is
  }
  heard.push(stream.text);
  return heard;
}

/** Everything in the files of a folder, one character a byte. */
function readAll(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
}

test("no token and no secret is in what is answered, logged, measured or stored", async () => {
  const environment = {
    HOME: "/nonexistent",
    PARTYLINE_TOKEN_SECRET: tokenSecret,
    PARTYLINE_TOKEN_AUDIENCE: audience,
    PARTYLINE_LOG_LEVEL: "debug",
  };
  const serve = [...fromSource, "serve", "--port", "0"];
  using program = await startProgram(serve, folder.path, environment);
  const callers = await createCallers("a");
  const tokens = callers.flatMap(({ token }) => token ?? []);
  const root = await createToken({ sub: "root", rooms: all, jti: "root" });
  const revoke = await fetch(`${program.url}/auth/revoke`, {
    method: "POST",
    headers: { authorization: `Bearer ${root}`, "content-type": "application/json" },
    body: JSON.stringify({ id: revokedId }),
  });
  expect(revoke.status).toBe(204);
  const heard: string[] = [];
  for (const token of tokens) heard.push(...(await showEverywhere(program.url, token)));
  const headers = { authorization: `Bearer ${root}` };
  const metrics = await (await fetch(`${program.url}/metrics`, { headers })).text();
  expect(metrics).toMatch(/^partyline_token_failures_total [1-9]/m);
  heard.push(metrics);
  heard.push(await (await fetch(`${program.url}/openapi.json`)).text());
  const whileRunning = readAll(folder.path);
  const { err, out } = await program.end("SIGTERM");
  for (const line of ["request", "connection ended", "room joined", "a token was refused"]) {
    expect(err).toContain(`"msg":"${line}"`);
  }
  const stored = readAll(folder.path);
  expect(stored.join("")).toContain("SQLite format 3");
  expect(stored.join("")).toContain(revokedId); // so the files were looked into
  const needles = toNeedles([...tokens, root]);
  expect(needles.length).toBeGreaterThan(20);
  expect(findIn([...heard, ...whileRunning, ...stored, err, out], needles)).toEqual([]);
}, 60_000);

test("nor in what a defect leaves in the log", async () => {
  const lines: string[] = [];
  const write = spyOn(process.stderr, "write").mockImplementation((line) => {
    lines.push(String(line));
    return true;
  });
  const publish = spyOn(Hub.prototype, "publish").mockImplementation(() => {
    throw new TypeError("a defect");
  });
  const logOf = spyOn(Hub.prototype, "logOf").mockImplementation(() => {
    throw new TypeError("a defect");
  });
  try {
    await using server = await TestServer.start({ ...withTokens, logLevel: "debug" });
    const token = await createToken({ sub: "alice", rooms: all });
    const heard: string[] = [];
    for (const [method, path] of [
      ["POST", "/rooms/a/messages"],
      ["GET", "/rooms/a/messages"],
      ["GET", "/rooms/a"],
      ["GET", "/rooms"],
    ] as const) {
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      const body = method === "POST" ? JSON.stringify({ content: token }) : null;
      for (const asked of [path, `${path}?access_token=${token}`]) {
        const response = await server.fetch(asked, { method, headers, body });
        expect([asked.slice(0, 20), response.status]).toEqual([asked.slice(0, 20), 500]);
        heard.push(await response.text());
      }
    }
    const client = await connectAs(server.socketUrl, token);
    client.send({ type: "history", room: "a" });
    expect((await client.end()).code).toBe(1011);
    heard.push(JSON.stringify(client.frames));
    expect(lines.filter((line) => line.includes("a defect")).length).toBeGreaterThan(8);
    expect(findIn([...heard, ...lines], toNeedles([token]))).toEqual([]);
    expect(findIn(heard, ["a defect", "TypeError"])).toEqual([]);
  } finally {
    for (const spy of [write, publish, logOf]) spy.mockRestore();
  }
});
