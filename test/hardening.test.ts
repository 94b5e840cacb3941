import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AnyElysia } from "elysia";
import { defaultConfig } from "../src/config.ts";
import { openHouse } from "../src/house.ts";
import { encodeBinaryFrame } from "../src/protocol/binary-frame.ts";
import { type Caller, createCallers, revokedId, type Worth } from "./support/caller.ts";
import { Client, type Frame } from "./support/client.ts";
import { EventReader } from "./support/event-reader.ts";
import { eventually } from "./support/poll.ts";
import { TestServer } from "./support/server.ts";
import { Tcp } from "./support/tcp.ts";
import { createTemporaryFolder } from "./support/temporary-folder.ts";
import { connectAs, createToken, withTokens } from "./support/tokens.ts";

const room = "hall";
/** Stands in the room, in the file and in a member's name: no answer to a wrong caller may hold it. */
const treasure = "treasure-of-the-hall";

const folder = createTemporaryFolder();
writeFileSync(join(folder.path, "note.txt"), treasure);
const callers = await createCallers(room);
const [adminToken] = callers.flatMap(({ name, token }) => (name === "admin" ? (token ?? []) : []));

/** A server, and what people without a token may do there. */
interface Place {
  readonly anonymous: "none" | "read";
  readonly server: TestServer;
  readonly witness: Client;
}
const places: Place[] = [];

beforeAll(async () => {
  for (const anonymous of ["none", "read"] as const) {
    const server = await TestServer.start({ ...withTokens, anonymous, files: folder.path });
    const name = treasure;
    const token = await createToken({ sub: "witness", name, rooms: { [room]: ["read", "write"] } });
    const witness = await connectAs(server.socketUrl, token);
    await witness.join(room);
    await witness.ask({ type: "message", room, content: treasure });
    await post(server, "/auth/revoke", { id: revokedId }, adminToken);
    places.push({ anonymous, server, witness });
  }
});
afterAll(async () => {
  for (const { witness, server } of places) {
    witness.close();
    await server[Symbol.asyncDispose]();
  }
  folder[Symbol.dispose]();
});

function post(server: TestServer, path: string, body: object, token?: string | null) {
  const headers = { "content-type": "application/json", ...toHeader(token) };
  return server.fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
}

function toHeader(token: string | null | undefined): Record<string, string> {
  return token == null ? {} : { authorization: `Bearer ${token}` };
}

/** Status of an answer, by what the caller's token is worth. */
type Expected = Readonly<Record<Worth, number>>;

const read = { none: 401, refused: 401, elsewhere: 403, read: 200, write: 403, admin: 200 };
const write = { none: 401, refused: 401, elsewhere: 403, read: 403, write: 201, admin: 201 };
const admin = { none: 401, refused: 401, elsewhere: 403, read: 403, write: 403, admin: 204 };
/** Whoever has a token that holds, whatever it allows. */
const known = { none: 401, refused: 401, elsewhere: 200, read: 200, write: 200, admin: 200 };
/** A token is the body's business: none is malformed, one that holds finds no such connection. */
const inBody = { none: 400, refused: 401, elsewhere: 404, read: 404, write: 404, admin: 404 };
/** Everybody, whatever token they show. */
const open = { none: 200, refused: 200, elsewhere: 200, read: 200, write: 200, admin: 200 };
/** An upgrade that was not asked for; `refused` is refused as one, so that a browser sees why. */
const upgrade = { none: 426, refused: 426, elsewhere: 426, read: 426, write: 426, admin: 426 };

/** One route: how it is asked, and what it answers where nobody, and where anybody may read. */
interface Row {
  readonly path?: string | ((caller: Caller) => string);
  readonly body?: (caller: Caller) => object;
  readonly closed: Expected;
  readonly readable: Expected;
}

const rows: Readonly<Record<string, Row>> = {
  "GET /openapi.json": toOpen(),
  "GET /livez": toOpen(),
  "GET /readyz": toOpen(),
  "GET /metrics": toAdmin("/metrics"), // there is a key
  "GET /admin/events": toAdmin("/admin/events"),
  "GET /admin/connections": toAdmin("/admin/connections"),
  "GET /ws": { closed: upgrade, readable: upgrade },
  "GET /ws/echo": { closed: upgrade, readable: upgrade },
  "GET /rooms/:room/events": toRead(`/rooms/${room}/events`),
  "GET /events": toRead(`/events?room=elsewhere&room=${room}`, { read: 403 }),
  "POST /rooms/:room/messages": {
    path: `/rooms/${room}/messages`,
    body: ({ name }) => ({ content: `by POST from ${name}` }),
    closed: write,
    readable: write,
  },
  "POST /rooms/:room/signals": {
    path: `/rooms/${room}/signals`,
    body: ({ name }) => ({ content: `a signal from ${name}` }),
    closed: { ...write, write: 204, admin: 204 },
    readable: { ...write, write: 204, admin: 204 },
  },
  "GET /rooms/:room/messages": toRead(`/rooms/${room}/messages?since=start`),
  "GET /rooms": { closed: known, readable: { ...known, none: 200 } },
  "GET /rooms/:room": toRead(`/rooms/${room}`),
  "DELETE /rooms/:room": {
    // The one who may do it does it elsewhere, for the others look for what is in the room.
    path: ({ worth }) => `/rooms/${worth === "admin" ? "spare" : room}`,
    closed: admin,
    readable: admin,
  },
  "GET /rooms/:room/members": toRead(`/rooms/${room}/members`, { read: 403 }), // needs presence
  "POST /auth/renew": {
    body: ({ token }) => ({ connection: "nosuchonexxx", ...(token === null ? {} : { token }) }),
    closed: inBody,
    readable: inBody,
  },
  "POST /auth/disconnect": { body: () => ({ user: "none" }), closed: admin, readable: admin },
  "POST /auth/revoke": { body: () => ({ id: "none" }), closed: admin, readable: admin },
  "GET /files": toDownload("/files/?format=json"),
  "HEAD /files": toDownload("/files/?format=json"),
  "GET /files/*": toDownload("/files/note.txt"),
  "HEAD /files/*": toDownload("/files/note.txt"),
  // Fixed pages, the same for everybody.
  "GET /": toOpen(),
  "GET /dashboard": toOpen(), // shows what its reader may ask for
  "GET /favicon.ico": toOpen(),
  "GET /client.js": toOpen(),
  "GET /client.d.ts": toOpen(),
  "GET /assets/": toOpen(),
  "GET /docs": toOpen(),
  "GET /docs/": toOpen(),
};

function toOpen(): Row {
  return { closed: open, readable: open };
}

function toAdmin(path: string): Row {
  const expected = { ...admin, admin: 200 };
  return { path, closed: expected, readable: expected };
}

function toRead(path: string, changes: Partial<Expected> = {}): Row {
  const closed = { ...read, ...changes };
  return { path, closed, readable: { ...closed, none: 200 } };
}

function toDownload(path: string): Row {
  return { path, closed: known, readable: { ...known, none: 200 } };
}

async function listRoutes(): Promise<{ method: string; path: string; row: Row | undefined }[]> {
  const house = await openHouse(
    defaultConfig({ durability: "memory", logLevel: "silent", files: folder.path }),
  );
  const { routes }: AnyElysia = house.app;
  await house.close();
  return routes.map(({ method, path }) => {
    const shelf = `${method} ${path.slice(0, path.lastIndexOf("/") + 1)}`;
    const isShelf = shelf === "GET /assets/" || shelf === "GET /docs/";
    return { method, path, row: rows[`${method} ${path}`] ?? (isShelf ? rows[shelf] : undefined) };
  });
}

function pathOf({ path = "" }: Row, route: string, caller: Caller): string {
  return (typeof path === "string" ? path : path(caller)) || route;
}

/** Asks as one caller. A stream that begins is not read. */
async function ask(
  server: TestServer,
  method: string,
  path: string,
  row: Row,
  caller: Caller,
  others: Readonly<Record<string, string>> = {},
) {
  const abort = new AbortController();
  const headers = new Headers({ ...others, ...toHeader(caller.token) });
  const init: RequestInit = { method, headers, signal: abort.signal };
  if (row.body !== undefined) {
    headers.set("content-type", "application/json");
    init.body = JSON.stringify(row.body(caller));
  }
  const response = await server.fetch(path, init);
  const { status } = response;
  const isStream =
    response.headers.get("content-type")?.startsWith("text/event-stream") && status === 200;
  const text = isStream ? "" : await response.text();
  if (isStream) abort.abort();
  return { status, headers: response.headers, text };
}

describe("every route", () => {
  test("has a row in the table, and every row a route", async () => {
    const routes = await listRoutes();
    const rowless = routes.filter(({ row }) => row === undefined);
    expect(rowless).toEqual([]);
    const used = new Set(routes.map(({ row }) => row));
    const idle = Object.entries(rows).filter(([, row]) => !used.has(row));
    expect(idle.map(([name]) => name)).toEqual([]);
  });

  test("answers every caller as the table says, and shows nothing to a wrong one", async () => {
    const wrong: string[] = [];
    let cells = 0;
    for (const { method, path: route, row } of await listRoutes()) {
      if (row === undefined) continue;
      for (const { anonymous, server } of places) {
        const expected = anonymous === "none" ? row.closed : row.readable;
        for (const caller of callers) {
          const path = pathOf(row, route, caller);
          const { status, headers, text } = await ask(server, method, path, row, caller);
          const what = `${method} ${path} as ${caller.name} where anonymous is ${anonymous}`;
          cells += 1;
          if (status !== expected[caller.worth]) {
            wrong.push(`${what}: ${status}, not ${expected[caller.worth]}`);
          }
          if (status >= 400 && text.includes(treasure)) wrong.push(`${what} shows the treasure`);
          if (status === 401 && headers.get("www-authenticate") !== "Bearer") {
            wrong.push(`${what} does not say how to authenticate`);
          }
          const isProblem = headers.get("content-type")?.startsWith("application/problem+json");
          if (status >= 400 && !isProblem) wrong.push(`${what} gives no problem`);
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(cells).toBeGreaterThan(callers.length * 2 * Object.keys(rows).length);
  });

  test("lets a page of a foreign origin change nothing and read nothing, whoever looks at it", async () => {
    const wrong: string[] = [];
    const page = { origin: "http://evil.example" };
    for (const { method, path: route, row } of await listRoutes()) {
      if (row === undefined) continue;
      for (const { server } of places) {
        for (const caller of callers) {
          const path = pathOf(row, route, caller);
          const { status, headers } = await ask(server, method, path, row, caller, page);
          const isSafe = method === "GET" || method === "HEAD";
          const what = `${method} ${path} as ${caller.name}`;
          if (!isSafe && status !== 403) wrong.push(`${what}: ${status}`);
          // The client is a fixed file, for whatever page would have it.
          const mayRead = path === "/client.js" || path === "/client.d.ts";
          if (headers.has("access-control-allow-origin") !== mayRead) {
            wrong.push(`${what} ${mayRead ? "may not" : "may"} be read`);
          }
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test("lets a page of a foreign origin connect by no WebSocket, whoever looks at it", async () => {
    for (const { server } of places) {
      for (const { token } of callers) {
        for (const path of ["/ws", "/ws/echo"]) {
          using connection = new Tcp(server.port);
          connection.request(
            `GET ${path}?access_token=${token ?? ""} HTTP/1.1`,
            "Origin: http://evil.example",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
          );
          await eventually("an answer", () => connection.text.includes("\r\n\r\n"));
          expect(connection.text).toStartWith("HTTP/1.1 403");
        }
      }
    }
  });

  test("answers HEAD as it answers GET", async () => {
    const wrong: string[] = [];
    for (const { method, path: route, row } of await listRoutes()) {
      if (row === undefined || method !== "GET" || row.closed === upgrade) continue;
      for (const { anonymous, server } of places) {
        const expected = anonymous === "none" ? row.closed : row.readable;
        for (const caller of callers) {
          const path = pathOf(row, route, caller);
          const { status, text } = await ask(server, "HEAD", path, row, caller);
          const isRight = status === expected[caller.worth] && text === "";
          if (!isRight) wrong.push(`HEAD ${path} as ${caller.name} (${anonymous}): ${status}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test("takes a token from the query as from the header, and never two", async () => {
    const wrong: string[] = [];
    for (const { server } of places) {
      for (const { method, path: route, row } of await listRoutes()) {
        if (row === undefined || row.closed === inBody || method === "POST") continue;
        for (const caller of callers) {
          if (caller.token === null) continue;
          const path = pathOf(row, route, caller);
          const join = path.includes("?") ? "&" : "?";
          const asNobody = { ...caller, token: null };
          const address = `${path}${join}access_token=${caller.token}`;
          const header = await ask(server, method, path, row, caller);
          const query = await ask(server, method, address, row, asNobody);
          if (query.status !== header.status) wrong.push(`${method} ${path} as ${caller.name}`);
          if (row.closed === open || row.closed === upgrade) continue;
          const other = { ...caller, token: `${caller.token}x` };
          const both = await ask(server, method, address, row, other);
          if (both.status !== 401) wrong.push(`${method} ${path} with two: ${both.status}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe("a list of rooms", () => {
  test("names only those that may be read", async () => {
    for (const { server, anonymous } of places) {
      for (const caller of callers) {
        if (caller.worth === "refused" || (caller.worth === "none" && anonymous === "none")) {
          continue;
        }
        const { rooms } = await server.json("/rooms", { headers: toHeader(caller.token) });
        const names = rooms.map((each: { room: string }) => each.room);
        const mayRead = ["none", "read", "admin"].includes(caller.worth);
        expect([caller.name, names.includes(room)]).toEqual([caller.name, mayRead]);
      }
    }
  });
});

/** What a frame is answered with: the type of the reply, or the code of the error. */
type Reply = string;
type Replies = Readonly<Record<Exclude<Worth, "refused">, Reply>>;

/** One frame. It is sent after a join, whatever that was answered with, if `joins`. */
interface FrameRow {
  readonly frame: (caller: Caller) => object;
  readonly joins: boolean;
  readonly closed: Replies;
  /** What somebody without a token is answered where anybody may read. */
  readonly readable: Reply;
}

const readFrame: Replies = {
  none: "unauthenticated",
  elsewhere: "forbidden",
  read: "!",
  write: "forbidden",
  admin: "!",
};
/** Whoever may not read cannot join, and whoever did not join cannot write. */
const writeFrame: Replies = {
  none: "not_joined",
  elsewhere: "not_joined",
  read: "forbidden",
  write: "not_joined",
  admin: "!",
};

const frameRows: Readonly<Record<string, FrameRow>> = {
  join: toReading({ type: "join", room, since: "start" }, "joined"),
  leave: toAnswered({ type: "leave", room }, "left"),
  message: toWriting("message", "ack"),
  signal: toWriting("signal", "nothing"),
  history: toReading({ type: "history", room }, "history"),
  members: toSeeing({ type: "members", room }, "members"),
  auth: toAnswered({ type: "auth", token: "not.a.token" }, "unauthenticated"),
  echo: toAnswered({ type: "echo", data: 1 }, "echo"),
  ping: toAnswered({ type: "ping", data: 1 }, "pong"),
};
/** The two kinds of binary frames, which carry no ref. */
const binaryRows = {
  message: toWriting("message", "ack"),
  signal: toWriting("signal", "nothing"),
} as const;

function toReading(frame: object, reply: Reply): FrameRow {
  const closed = mapReplies(readFrame, reply);
  return { frame: () => frame, joins: false, closed, readable: reply };
}

/** What needs `presence`, which whoever may only read does not have. */
function toSeeing(frame: object, reply: Reply): FrameRow {
  const row = toReading(frame, reply);
  return { ...row, closed: { ...row.closed, read: "forbidden" } };
}

function toWriting(type: string, reply: Reply): FrameRow {
  const closed = mapReplies(writeFrame, reply);
  const frame = ({ name }: Caller) => ({ type, room, content: `by ${type} frame from ${name}` });
  return { frame, joins: true, closed, readable: "unauthenticated" };
}

function toAnswered(frame: object, reply: Reply): FrameRow {
  const closed = { none: reply, elsewhere: reply, read: reply, write: reply, admin: reply };
  return { frame: () => frame, joins: false, closed, readable: reply };
}

function mapReplies(replies: Replies, reply: Reply): Replies {
  const named = Object.entries(replies).map(([worth, each]) => [
    worth,
    each === "!" ? reply : each,
  ]);
  return Object.fromEntries(named);
}

/** The reply to a frame, and everything else that came with it. */
async function exchange(server: TestServer, caller: Caller, row: FrameRow, binary?: Uint8Array) {
  const client = new Client(
    server.socketUrl,
    caller.token === null ? [] : ["partyline.v1", `bearer.${caller.token}`],
  );
  try {
    await client.next("welcome");
    if (row.joins) await client.join(room);
    const before = client.frames.length;
    client.send((binary as unknown as object) ?? { ...row.frame(caller), ref: "asked" });
    const isReply = (frame: Frame) =>
      binary === undefined ? frame.ref === "asked" : frame.type === "error" || frame.type === "ack";
    client.send({ type: "ping", ref: "after" });
    // What is stored is acknowledged after the pong, what is refused or not answered before it.
    const reply = await eventually("a reply, or none", () => {
      if (client.closed !== null) return client.frames.slice(before).find(isReply) ?? "none";
      const found = client.frames.slice(before).find(isReply);
      if (found !== undefined) return found;
      const isSignal = row.closed.admin === "nothing";
      return isSignal && client.frames.some(({ ref }) => ref === "after") ? "none" : undefined;
    });
    const text = JSON.stringify(client.frames);
    if (reply === "none") return { outcome: "nothing", text };
    return { outcome: reply.type === "error" ? reply.code : reply.type, text };
  } finally {
    client.close();
  }
}

function expectedOf(row: FrameRow, caller: Caller, { anonymous }: Place): Reply {
  if (caller.worth === "none" && anonymous === "read") return row.readable;
  return row.closed[caller.worth as Exclude<Worth, "refused">];
}

describe("every frame", () => {
  test("has a row in the table, and every row a frame", async () => {
    const [place] = places;
    const client = await (place as Place).server.connect();
    const { message } = await client.ask({ type: "no such frame" });
    client.close();
    const types = /must be one of ([a-z, ]+)/.exec(message)?.[1]?.split(", ");
    expect(types?.toSorted()).toEqual(Object.keys(frameRows).toSorted());
  });

  test("is answered as the table says, and shows nothing to a wrong caller", async () => {
    const wrong: string[] = [];
    let cells = 0;
    for (const place of places) {
      for (const caller of callers.filter(({ worth }) => worth !== "refused")) {
        for (const [name, row] of Object.entries(frameRows)) {
          const { outcome, text } = await exchange(place.server, caller, row);
          const expected = expectedOf(row, caller, place);
          const what = `${name} as ${caller.name} where anonymous is ${place.anonymous}`;
          cells += 1;
          if (outcome !== expected) wrong.push(`${what}: ${outcome}, not ${expected}`);
          const mayRead = expectedOf(frameRows.join as FrameRow, caller, place) === "joined";
          if (!mayRead && text.includes(treasure)) wrong.push(`${what} shows the treasure`);
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(cells).toBe(2 * 6 * Object.keys(frameRows).length);
  });

  test("in its binary form is answered as in its text form", async () => {
    const wrong: string[] = [];
    for (const place of places) {
      for (const caller of callers.filter(({ worth }) => worth !== "refused")) {
        for (const kind of ["message", "signal"] as const) {
          const row = binaryRows[kind];
          const payload = new TextEncoder().encode(`binary ${kind} from ${caller.name}`);
          const frame = encodeClientFrame(kind, payload);
          const { outcome } = await exchange(place.server, caller, row, frame);
          const expected = expectedOf(row, caller, place);
          const what = `binary ${kind} as ${caller.name} where anonymous is ${place.anonymous}`;
          if (outcome !== expected) wrong.push(`${what}: ${outcome}, not ${expected}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test("and route together let only those write who may", async () => {
    for (const { server, witness } of places) {
      const { messages } = await server.json(`/rooms/${room}/messages?since=start&limit=500`, {
        headers: toHeader(adminToken),
      });
      const stored = messages.map(({ content, bytes }: { content?: string; bytes?: string }) => {
        return content ?? Buffer.from(bytes ?? "", "base64").toString();
      });
      expect(new Set(stored)).toEqual(
        new Set([
          treasure,
          "by POST from writer",
          "by POST from admin",
          "by message frame from admin",
          "binary message from admin",
        ]),
      );
      await witness.settle();
      const senders = new Set(witness.all("signal").map(({ from }) => from.id));
      expect(senders).toEqual(new Set(["writer", "admin"])); // the writer by POST alone
    }
  });
});

/** A binary frame as a client sends it: without the offset that the server puts in. */
function encodeClientFrame(kind: "message" | "signal", payload: Uint8Array): Uint8Array {
  const frame = encodeBinaryFrame(kind, room, 0, new Uint8Array());
  return Buffer.concat([frame.subarray(0, 2 + room.length), payload]);
}

describe("a refused token", () => {
  const refused = callers.filter(({ worth }) => worth === "refused");
  const protocolsOf = ({ token }: Caller) => [`bearer.${token}`, "partyline.v1"];

  test("closes a WebSocket with 4401 after one error, in each of its four places", async () => {
    for (const { server, anonymous } of places) {
      for (const caller of refused) {
        const { token } = caller;
        const clients = [
          new Client(server.socketUrl, protocolsOf(caller)),
          new Client(`${server.socketUrl}?access_token=${token}`),
          new Client(server.socketUrl, { headers: toHeader(token) } as unknown as string[]),
        ];
        for (const client of clients) {
          expect((await client.end()).code).toBe(4401);
          expect(client.frames).toMatchObject([{ type: "error", code: "unauthenticated" }]);
        }
        const late = new Client(server.socketUrl);
        await late.next("welcome");
        expect((await late.ask({ type: "auth", token })).code).toBe("unauthenticated");
        if (anonymous === "none") expect((await late.end()).code).toBe(4401);
        else await late.settle(); // it may do without
        late.close();
      }
    }
  });

  test("leaves nothing open that could be used before the close is answered", async () => {
    const [place] = places;
    const { server } = place as Place;
    for (const caller of refused) {
      using tcp = new Tcp(server.port);
      const key = "Upgrade: websocket";
      tcp.upgrade("/ws", key, "Connection: Upgrade", `Authorization: Bearer ${caller.token}`);
      await tcp.match(/101 Switching/);
      await tcp.match(/unauthenticated/);
      tcp.write(toTextFrame({ type: "join", room, since: "start" }));
      tcp.write(toTextFrame({ type: "history", room, limit: 10 }));
      await eventually("the end", () => tcp.isClosed);
      expect(tcp.text).not.toContain(treasure);
      expect(tcp.text).not.toContain("welcome");
    }
  });
});

/** A masked text frame of less than 126 bytes. */
function toTextFrame(frame: object): Uint8Array {
  const payload = new TextEncoder().encode(JSON.stringify(frame));
  return Buffer.concat([Uint8Array.of(0x81, 0x80 | payload.length, 0, 0, 0, 0), payload]);
}

describe("a token that holds", () => {
  test("is taken in each of its four places", async () => {
    const token = await createToken({ sub: "alice", rooms: { [room]: ["read"] } });
    for (const { server } of places) {
      const url = server.socketUrl;
      const clients = [
        new Client(url, [`bearer.${token}`, "partyline.v1"]),
        new Client(`${url}?access_token=${token}`),
        new Client(url, { headers: toHeader(token) } as unknown as string[]),
      ];
      for (const client of clients) {
        expect((await client.next("welcome")).user.id).toBe("alice");
        expect((await client.join(room)).type).toBe("joined");
        client.close();
      }
      expect(clients[0]?.socket.protocol).toBe("partyline.v1"); // and never the token
      const late = await server.connect();
      expect(await late.ask({ type: "auth", token })).toMatchObject({
        type: "authenticated",
        user: { id: "alice" },
      });
      expect((await late.join(room)).type).toBe("joined");
    }
  });

  test("beside another closes with 4401, whichever two places they are in", async () => {
    const [one, two] = [await createToken({ sub: "alice" }), await createToken({ sub: "bob" })];
    for (const { server } of places) {
      const query = `${server.socketUrl}?access_token=${two}`;
      for (const client of [
        new Client(query, ["partyline.v1", `bearer.${one}`]),
        new Client(query, { headers: toHeader(one) } as unknown as string[]),
        new Client(server.socketUrl, ["partyline.v1", `bearer.${one}`, `bearer.${two}`]),
      ]) {
        expect((await client.end()).code).toBe(4401);
        expect(client.frames).toMatchObject([{ code: "unauthenticated" }]);
      }
    }
  });
});

describe("a stream of several rooms", () => {
  test("is refused whole when one of them may not be read, wherever it stands", async () => {
    const reader = callers.find(({ name }) => name === "reader");
    for (const { server } of places) {
      for (const query of [`room=${room}&room=attic`, `room=attic&room=${room}`]) {
        const response = await server.fetch(`/events?${query}&since=start`, {
          headers: toHeader(reader?.token),
        });
        expect(response.status).toBe(403);
        expect(await response.text()).not.toContain(treasure);
      }
    }
  });

  test("follows those that may be read", async () => {
    const token = await createToken({ sub: "alice", rooms: { [room]: ["read"], b: ["read"] } });
    for (const { server } of places) {
      const path = `/events?room=${room}&room=b&since=start&access_token=${token}`;
      using stream = new EventReader(`${server.url}${path}`);
      await stream.count(1);
      expect(stream.messages[0]?.content).toBe(treasure);
    }
  });
});

describe("what is open to everybody", () => {
  test("names no room, no user and no message", async () => {
    for (const { server } of places) {
      for (const path of ["/metrics", "/livez", "/readyz", "/openapi.json"]) {
        // The meters are open where there is no key, and say the same there.
        const text = await (await server.fetch(path, { headers: toHeader(adminToken) })).text();
        for (const secret of [treasure, "witness", `"${room}"`]) {
          expect([path, text.includes(secret)]).toEqual([path, false]);
        }
      }
    }
  });
});
