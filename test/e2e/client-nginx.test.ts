import { expect, test } from "bun:test";
import { join } from "node:path";
import { connect, type LineState } from "../../src/client/index.ts";
import { findFreePort } from "../support/free-port.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";
import { findSystemProgram } from "../support/system-program.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const nginx = findSystemProgram("nginx");
const startsMax = 5;
const asIs = "";
/** What the manual of nginx says a WebSocket needs. */
const withUpgrades = `
  proxy_http_version 1.1;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection "upgrade";`;

/** Starts nginx in front of a port; it ends with its `await using` block. */
async function startNginx(target: number, directives: string) {
  if (nginx === null) throw new Error("nginx is not installed.");
  const folder = createTemporaryFolder();
  for (let start = 1; ; start += 1) {
    const port = findFreePort();
    const path = join(folder.path, "nginx.conf");
    await Bun.write(path, toConfig(folder.path, port, target, directives));
    const command = [nginx, "-c", path, "-p", folder.path, "-e", "stderr"];
    const child = Bun.spawn(command, { stdio: ["ignore", "ignore", "pipe"] });
    const url = `http://127.0.0.1:${port}`;
    const answers = await eventually("nginx to answer, or to end", async () => {
      if (child.exitCode !== null) return "ended";
      return (await fetch(`${url}/livez`).catch(() => null))?.ok === true && "answers";
    });
    if (answers === "answers") {
      const end = async () => {
        child.kill("SIGTERM");
        await child.exited;
        folder[Symbol.dispose]();
      };
      return { url, [Symbol.asyncDispose]: end };
    }
    if (start === startsMax) throw new Error(await new Response(child.stderr).text());
  }
}

function toConfig(folder: string, port: number, target: number, directives: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  return `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
events {}
http {
  access_log off;
  ${temporary.join("\n  ")}
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://127.0.0.1:${target}; ${directives} }
  }
}
`;
}

test.skipIf(nginx === null)(
  "through nginx the client gets by SSE what WebSocket does not get, from the same position",
  async () => {
    await using server = await TestServer.start({ durability: "process" });
    const heard: unknown[] = [];
    const open = async (url: string, since: string) => {
      const line = connect(url);
      const states: LineState[] = [];
      line.on("state", (state) => states.push(state));
      const room = line.join("general", { since });
      room.on("message", ({ content }) => heard.push(content));
      const opened = await eventually("an open line", () => {
        return line.state.name === "open" ? line.state : null;
      });
      expect(states.filter(({ name }) => name === "closed")).toEqual([]);
      return { line, room, transport: opened.transport };
    };

    await using plain = await startNginx(server.port, asIs);
    const { line, room, transport } = await open(plain.url, "start");
    expect(transport).toBe("sse");
    const positions = [await room.publish("one"), await room.publish("two")];
    await server.publish("general", "three");
    await eventually("three messages", () => heard.length === 3);
    expect((await room.history()).messages.map(({ position }) => position)).toEqual([
      ...positions,
      room.position ?? "",
    ]);
    const left = room.position ?? "";
    line.close();

    await server.publish("general", "four");
    await using capable = await startNginx(server.port, withUpgrades);
    const again = await open(capable.url, left);
    expect(again.transport).toBe("websocket");
    await again.room.publish("five");
    await eventually("five messages", () => heard.length === 5);
    expect(heard).toEqual(["one", "two", "three", "four", "five"]);
    again.line.close();
  },
  30_000,
);

test.skipIf(nginx === null)(
  "through nginx by SSE a restart of the server loses nothing",
  async () => {
    await using server = await TestServer.start({ durability: "process" });
    await using proxy = await startNginx(server.port, asIs);
    using line = connect(proxy.url, { transport: "sse" });
    const room = line.join("general", { since: "start" });
    const heard: unknown[] = [];
    room.on("message", ({ content }) => heard.push(content));
    line.on("state", ({ name }) => {
      if (name === "waiting") setTimeout(() => line.retry(), 20);
    });
    await room.publish(1);
    await server.stop();
    const waiting = [room.publish(2), room.publish(3)];
    await server.start();
    await server.publish("general", "between");
    await Promise.all(waiting);
    await eventually("all of them", () => heard.length === 4);
    expect(heard.filter((content) => content !== "between")).toEqual([1, 2, 3]);
  },
  30_000,
);
