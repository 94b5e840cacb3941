import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { loadSelfSigned } from "../../src/http/self-signed.ts";
import { eventually } from "../support/poll.ts";
import { fromSource, runProgram, startProgram } from "../support/program.ts";
import { RedisServer } from "../support/redis-server.ts";
import { findSystemProgram } from "../support/system-program.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const serve = [...fromSource, "serve", "--port", "0"];

function publish(url: string): Promise<Response> {
  return fetch(`${url}/rooms/general/messages`, { method: "POST", body: "hello" });
}

test("a Redis that is not there is one sentence without its password, and exit code 1", async () => {
  using folder = createTemporaryFolder();
  const environment = { HOME: "/nonexistent", PARTYLINE_REDIS_URL: "redis://:hush@127.0.0.1:1" };
  const { code, out, err } = await runProgram(serve, folder.path, environment);
  expect([code, out]).toEqual([1, ""]);
  expect(err).toBe(
    "The Redis at 127.0.0.1:1 refuses connections: nothing listens there. " +
      "Put that right, or name another one with the key redis (PARTYLINE_REDIS_URL).\n",
  );
});

describe.skipIf(findSystemProgram("redis") === null)("a server over Redis", () => {
  test("keeps no store, says when Redis is gone, and goes on when it is back", async () => {
    using folder = createTemporaryFolder();
    await using redis = await RedisServer.start({ password: "hush", appendonly: true });
    using program = await startProgram([...serve, "--redis", redis.url], folder.path);
    const { url, greeting } = program;
    const place = `127.0.0.1:${redis.port}`;
    expect(greeting).toContain(`data     in the Redis at ${place}, below "partyline"\n`);
    expect(greeting).not.toContain("hush");
    expect((await publish(url)).status).toBe(201);
    const { position } = await (await publish(url)).json();

    await redis.kill();
    const readiness = await eventually("it is not ready", async () => {
      const response = await fetch(`${url}/readyz`);
      return response.status === 503 && (await response.json());
    });
    expect(readiness.reason).toStartWith("Redis ");
    expect(readiness.reason).not.toContain(String(redis.port)); // anybody may ask
    const refused = await publish(url);
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: "unavailable", retryAfterMs: 1_000 });
    expect((await fetch(`${url}/livez`)).status).toBe(200);

    await redis.restart();
    await eventually("it is ready", async () => (await fetch(`${url}/readyz`)).ok);
    expect(position).toEndWith(":2");
    const next = { position: position.replace(":2", ":3") };
    expect(await (await publish(url)).json()).toMatchObject(next);

    const { code, err } = await program.end("SIGTERM");
    expect(code).toBe(0);
    expect(err.match(/The link to Redis is broken\./g)).toHaveLength(1);
    expect(err.match(/The link to Redis is up again, after \d+ ms\./g)).toHaveLength(1);
    expect(err + greeting).not.toContain("hush");
    expect(readdirSync(join(folder.path, "data"))).toEqual(["files"]);
  });

  test("says once that Redis takes no messages, and once that it takes them again", async () => {
    using folder = createTemporaryFolder();
    await using redis = await RedisServer.start();
    using program = await startProgram([...serve, "--redis", redis.url], folder.path);
    const { url } = program;
    await eventually("a message is taken", async () => (await publish(url)).status === 201);
    await redis.send("CONFIG", "SET", "maxmemory", "1");
    for (let index = 0; index < 3; index += 1) expect((await publish(url)).status).toBe(503);
    await redis.send("CONFIG", "SET", "maxmemory", "0");
    await eventually("the end of it", () => program.err.includes("takes messages again"));
    const { code, err } = await program.end("SIGTERM");
    expect(code).toBe(0);
    expect(err.match(/has no memory left for messages \(maxmemory\)\./g)).toHaveLength(1);
    expect(err.match(/Redis takes messages again, after \d+ ms\./g)).toHaveLength(1);
  });

  test("speaks TLS to a Redis whose certificate it is told to trust, and to no other", async () => {
    using folder = createTemporaryFolder();
    await loadSelfSigned(folder.path, "127.0.0.1", Date.now());
    const cert = join(folder.path, "self-signed.crt");
    const key = join(folder.path, "self-signed.key");
    await using redis = await RedisServer.start({ tls: { cert, key } });
    const environment = { HOME: "/nonexistent", PARTYLINE_REDIS_URL: redis.url };
    const { code, err } = await runProgram(serve, folder.path, environment);
    expect(code).toBe(1);
    expect(err).toContain("shows a certificate that is not trusted.");
    const trusting = { ...environment, NODE_EXTRA_CA_CERTS: cert };
    using program = await startProgram(serve, folder.path, trusting);
    expect((await publish(program.url)).status).toBe(201);
  });
});
