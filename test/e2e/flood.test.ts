import { expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../support/poll.ts";
import { fromSource, startProgram } from "../support/program.ts";
import { Tcp } from "../support/tcp.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

setDefaultTimeout(60_000);

const bodies = 150;
const bodyBytes = 1_000_000;

test("large bodies that never end are bounded together, and keep nobody out who sends little", async () => {
  using folder = createTemporaryFolder();
  const options = ["--port", "0", "--durability", "memory", "--publishes-per-second", "0"];
  using program = await startProgram([...fromSource, "serve", ...options], folder.path);
  const { url } = program;
  const publish = (body: string) => fetch(`${url}/rooms/hall/messages`, { method: "POST", body });
  expect((await publish("warm")).status).toBe(201);
  using senders = new DisposableStack();
  const body = Buffer.alloc(bodyBytes - 1, 0x78);
  const all = Array.from({ length: bodies }, () => {
    const tcp = senders.use(new Tcp(Number(new URL(url).port)));
    tcp.request("POST /rooms/hall/messages HTTP/1.1", `Content-Length: ${bodyBytes}`);
    tcp.write(body);
    return tcp;
  });
  // 64 MiB of them are taken, and at least as many bytes are not.
  const refused = () => all.filter(({ text }) => text.includes('"code":"unavailable"'));
  await eventually("refusals", () => refused().length >= bodies - 72);
  await eventually("all that is taken", () => {
    return all.every((tcp) => tcp.socket.writableLength === 0 || refused().includes(tcp));
  });
  // The server has read it all once it has turned some more times: then there is place for no other.
  for (let turn = 0; turn < 20; turn += 1) await fetch(`${url}/livez`);
  expect(refused()[0]?.text).toMatch(/^retry-after: 1\r$/im);
  expect(bodies - refused().length).toBeGreaterThan(50);
  expect((await publish("x".repeat(15_000))).status).toBe(201);
  expect((await publish("x".repeat(bodyBytes))).status).toBe(503);
  senders.dispose();
  await eventually(
    "place again",
    async () => (await publish("x".repeat(bodyBytes))).status === 201,
  );
});
