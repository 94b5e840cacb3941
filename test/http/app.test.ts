import { expect, test } from "bun:test";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";
import { Tcp } from "../support/tcp.ts";

/** The status line's number of a raw request's answer. */
async function ask(port: number, head: string): Promise<string> {
  using connection = new Tcp(port);
  connection.write(`${head}\r\n\r\n`);
  await eventually("an answer", () => connection.text.includes("\r\n\r\n"));
  return connection.text.slice(9, 12);
}

test("a request that names no host is refused, whatever it asks for, but for a prober's", async () => {
  await using server = await TestServer.start();
  // The last would be routed as "/rooms/x/messages" by what follows its eighth sign.
  const paths = [
    "/rooms",
    "/events?room=a",
    "/files/",
    "/files/a.txt",
    "/nothing/rooms/x/messages",
  ];
  for (const path of paths) {
    expect([path, await ask(server.port, `GET ${path} HTTP/1.0`)]).toEqual([path, "400"]);
  }
  expect(await ask(server.port, "POST /rooms/x/messages HTTP/1.0\r\nContent-Length: 0")).toBe(
    "400",
  );
  expect(await ask(server.port, "GET /rooms HTTP/1.1\r\nHost:")).toBe("400");
  expect(await ask(server.port, "GET /livez HTTP/1.0")).toBe("200");
  expect(await ask(server.port, "GET /readyz HTTP/1.0")).toBe("200");
});
