import { expect, test } from "bun:test";
import { decodeText, readBody } from "../../src/http/body.ts";
import { PartylineError } from "../../src/protocol/errors.ts";

function request(body: BodyInit, init: RequestInit = {}): Request {
  return new Request("http://localhost/", { method: "POST", body, ...init });
}

function read(given: Request, bytesMax: number): Promise<Uint8Array> {
  return readBody(given, { bytesMax, withinMs: 0 });
}

/** A body that comes in pieces. */
function stream(...pieces: string[]): ReadableStream {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
      controller.close();
    },
  });
}

test("a body is read whole, up to the limit", async () => {
  expect(Buffer.from(await read(request("12345"), 5)).toString()).toBe("12345");
  expect(Buffer.from(await read(request(stream("12", "345")), 5)).toString()).toBe("12345");
  expect(await read(new Request("http://localhost/"), 5)).toHaveLength(0);
});

test("a body over the limit is refused with the limit in the text", async () => {
  for (const body of ["123456", stream("12", "3456")]) {
    const refused = read(request(body), 5);
    await expect(refused).rejects.toThrow("5 bytes");
    await expect(refused).rejects.toMatchObject({ code: "too_large" });
  }
});

test("a body that does not arrive in time is refused, and its rest left to others", async () => {
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode("12"));
    },
  });
  const late = request(body);
  const refused = readBody(late, { bytesMax: 5, withinMs: 1 });
  await expect(refused).rejects.toMatchObject({ code: "bad_frame" });
  await expect(refused).rejects.toThrow("within 1 ms");
  expect(late.body?.locked).toBe(false);
});

test("a body whose client went away is no defect", async () => {
  const abort = new AbortController();
  const body = new ReadableStream({
    pull(controller) {
      abort.abort();
      controller.error(new DOMException("The connection was closed.", "AbortError"));
    },
  });
  const refused = read(request(body, { signal: abort.signal }), 5);
  await expect(refused).rejects.toBeInstanceOf(PartylineError);
});

test("text is UTF-8, whole and strict, and keeps its byte order mark", () => {
  expect(decodeText(Buffer.from("\ufeffé😀"))).toBe("\ufeffé😀");
  for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
    expect(() => decodeText(new Uint8Array(bytes))).toThrow("UTF-8");
  }
});
