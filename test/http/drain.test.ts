import { expect, test } from "bun:test";
import { EventReader } from "../support/event-reader.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";

test("a server that stops tells each client its own time to come back, and closes with 1012", async () => {
  await using server = await TestServer.start();
  const clients = await Promise.all(Array.from({ length: 10 }, () => server.connect()));
  const readers = clients.map(() => new EventReader(`${server.url}/rooms/hall/events`));
  for (const reader of readers) await reader.stand();
  await server.stop();
  const delays = new Set<unknown>();
  for (const client of clients) {
    const { reconnectAfterMs } = (await client.next("draining")) as { reconnectAfterMs?: number };
    delays.add(reconnectAfterMs);
    expect(await client.end()).toEqual({ code: 1012, reason: "draining" });
  }
  for (const reader of readers) {
    await eventually("the end of a stream", () => reader.isEnded);
    const delay = reader.retries.at(-1) ?? 0;
    expect(reader.named("draining")).toMatchObject([{ reconnectAfterMs: delay }]);
    expect(delay).toBeGreaterThanOrEqual(250);
    delays.add(delay);
    reader[Symbol.dispose]();
  }
  expect(delays.size).toBeGreaterThan(15); // of twenty from two thousand
  await expect(server.fetch("/livez")).rejects.toThrow();
});

test("a publish under way when the server stops is stored, or refused, and never half", async () => {
  await using server = await TestServer.start({ durability: "process" });
  const publishes = Array.from({ length: 200 }, (_, index) =>
    server.publish("hall", index, `id-${index}`).catch(() => null),
  );
  await Promise.race(publishes);
  await server.stop();
  const acknowledged = (await Promise.all(publishes)).filter((answer) => answer?.position);
  await server.start();
  const { messages } = await server.json("/rooms/hall/messages?since=start&limit=500");
  const positions = messages.map(({ position }: { position: string }) => position);
  expect(acknowledged.length).toBeGreaterThan(0);
  for (const answer of acknowledged) expect(positions).toContain(answer?.position);
});
