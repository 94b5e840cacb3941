import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import {
  caddy,
  type FrontProxy,
  haproxy,
  host,
  nginx,
  type RunningProxy,
  startProxy,
} from "../support/front-proxy.ts";
import { adapt, readExample } from "../support/manual.ts";
import { eventually } from "../support/poll.ts";
import { fromSource, type RunningProgram, startProgram } from "../support/program.ts";
import { ask, curl, follow, openSocket } from "../support/proxied.ts";
import { findSystemProgram } from "../support/system-program.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const openssl = findSystemProgram("openssl");
const tools = { nginx: findSystemProgram("nginx"), caddy: findSystemProgram("caddy") };
const programs = { ...tools, haproxy: findSystemProgram("haproxy") };

const belowPath = {
  "location / {": "location /chat/ {",
  "http://partyline;": "http://partyline/;",
};
const roomsPerHour = 10;
const file = randomBytes(3_000_000);
const temporary = createTemporaryFolder();
afterAll(() => temporary[Symbol.dispose]());

/** Starts Partyline behind proxies as the manual says. */
async function startBehind(): Promise<RunningProgram> {
  const example = await readExample("operations", "toml", 'host = "127.0.0.1"');
  const config = join(temporary.path, "partyline.toml");
  const origin = `allow-origin = "https://${host}"`;
  await Bun.write(config, `${adapt(example, { "port = 8080": "port = 0" })}${origin}\n`);
  await Bun.write(join(temporary.path, "files", "a.bin"), file);
  const kept = ["--files", join(temporary.path, "files"), "--durability", "memory"];
  const rooms = ["--rooms-per-hour", String(roomsPerHour)];
  return startProgram([...fromSource, "--config", config, ...kept, ...rooms], temporary.path);
}

/** Opens a WebSocket as a page of an origin does. */
function openPage(proxy: RunningProxy, path: string, origin: string) {
  const frames: { type: string; content?: unknown }[] = [];
  const socket = openSocket(proxy, path, { origin });
  let isRefused = false;
  socket.onmessage = ({ data }) => frames.push(JSON.parse(String(data)));
  socket.onerror = () => {
    isRefused = true;
  };
  return { socket, frames, isRefused: () => isRefused };
}

async function talk(proxy: RunningProxy, prefix = ""): Promise<void> {
  const { socket, frames } = openPage(proxy, `${prefix}/ws`, `https://${host}`);
  await eventually("the welcome", () => frames[0]?.type === "welcome");
  socket.send(JSON.stringify({ type: "join", room: "proxied" }));
  socket.send(JSON.stringify({ type: "message", room: "proxied", content: "hi" }));
  await eventually("its own message", () => frames.some(({ content }) => content === "hi"));
  socket.close();
}

describe.each([nginx(), haproxy(), caddy()])(
  "behind $name, as the manual says",
  (kind: FrontProxy) => {
    const program = programs[kind.name];
    const isLeftOut = program === null || curl === null || openssl === null;
    let server: RunningProgram;
    let proxy: RunningProxy;
    beforeAll(async () => {
      if (isLeftOut) return;
      server = await startBehind();
      proxy = await startProxy(program, kind, [Number(new URL(server.url).port)]);
    }, 30_000);
    afterAll(async () => {
      await proxy?.[Symbol.asyncDispose]();
      server?.[Symbol.dispose]();
    });

    test.skipIf(isLeftOut)("the page and the manual come, the meters do not", async () => {
      const page = await ask(proxy, "/");
      expect([page.status, page.body.toString()]).toEqual([
        200,
        expect.stringMatching(/^<!doctype/),
      ]);
      expect((await ask(proxy, "/docs/operations")).status).toBe(200);
      expect((await ask(proxy, "/metrics")).status).toBe(404);
    });

    test.skipIf(isLeftOut)("a WebSocket of a page of its own connects, no other", async () => {
      await talk(proxy);
      const { frames, isRefused } = openPage(proxy, "/ws", "https://evil.example");
      await eventually("the refusal", isRefused);
      expect(frames).toEqual([]);
    });

    test.skipIf(isLeftOut)("a stream's first bytes and messages come at once", async () => {
      // Far below the 15 s after which a comment would push out what a proxy held back.
      const soonMs = 8_000;
      await using stream = follow(proxy, "streamed");
      await eventually("the first bytes", () => stream.text().includes("\nid: "), soonMs);
      const { status } = await ask(proxy, "/rooms/streamed/messages", "-d", "now");
      expect(status).toBe(201);
      await eventually("the message", () => stream.text().includes('"now"'), soonMs);
    });

    test.skipIf(isLeftOut)("a download comes whole and in part", async () => {
      expect((await ask(proxy, "/files/a.bin")).body.equals(file)).toBe(true);
      const part = await ask(proxy, "/files/a.bin", "-r", "1000-1999");
      expect(part.status).toBe(206);
      expect(part.body.equals(file.subarray(1_000, 2_000))).toBe(true);
    });

    test.skipIf(isLeftOut)(
      "a refused body is taken for nobody's next request",
      async () => {
        const body = join(temporary.path, "large");
        await Bun.write(body, "x".repeat(1_048_577));
        const upload = ["--data-binary", `@${body}`, "--max-time", "5"];
        const refusals = [
          [413, "too_large"],
          [403, "forbidden", "-H", "Origin: https://evil.example"],
        ] as const;
        for (const [status, code, ...words] of [...refusals, ...refusals, ...refusals]) {
          const answer = await ask(proxy, "/rooms/streamed/messages", ...upload, ...words);
          expect([answer.status, JSON.parse(answer.body.toString()).code]).toEqual([status, code]);
          // Other clients come on the connection that the proxy kept to the server.
          const next = ["-d", "next", "--max-time", "5"];
          expect((await ask(proxy, "/rooms/streamed/messages", ...next)).status).toBe(201);
          expect((await ask(proxy, "/rooms/streamed/messages", ...next)).status).toBe(201);
        }
      },
      30_000,
    );

    test.skipIf(isLeftOut)("clients are told apart, whatever they say of themselves", async () => {
      const begin = async (address: string, room: string, ...words: string[]) => {
        const from = ["--interface", address, "-d", "x", ...words];
        return (await ask(proxy, `/rooms/${room}/messages`, ...from)).status;
      };
      for (let index = 0; index < roomsPerHour; index += 1) {
        expect(await begin("127.0.0.2", `own-${index}`)).toBe(201);
      }
      expect(await begin("127.0.0.2", "more")).toBe(429);
      for (const forged of ["X-Forwarded-For: 192.0.2.7", "Forwarded: for=192.0.2.7"]) {
        expect([forged, await begin("127.0.0.2", "more", "-H", forged)]).toEqual([forged, 429]);
      }
      expect(await begin("127.0.0.3", "more")).toBe(201);
    });
  },
);

test.skipIf(tools.nginx === null || curl === null || openssl === null)(
  "behind nginx below a path everything is there, and no token is in its log",
  async () => {
    using server = await startBehind();
    const target = Number(new URL(server.url).port);
    await using proxy = await startProxy(tools.nginx ?? "", nginx(belowPath), [target]);
    const page = await ask(proxy, "/chat/?access_token=secret");
    expect([page.status, page.body.toString()]).toEqual([200, expect.stringMatching(/^<!doctype/)]);
    expect((await ask(proxy, "/chat/docs/protocol")).status).toBe(200);
    await talk(proxy, "/chat");
    const log = await Bun.file(join(proxy.folder, "access.log")).text();
    expect(log).toContain('"GET /chat/" 200');
    expect(log).not.toContain("secret");
  },
);
