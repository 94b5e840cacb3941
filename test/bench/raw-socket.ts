/** A WebSocket client that only counts: cheap enough to have thousands of in one process. */

import type { Socket } from "bun";
import { FrameReader } from "./frame-reader.ts";

/** What some sockets received together. `onChange` is called after each chunk. */
export interface Tally {
  messages: number;
  acks: number;
  joins: number;
  pongs: number;
  closes: number;
  onChange: () => void;
}

/** Makes a tally of nothing. */
export function createTally(): Tally {
  return { messages: 0, acks: 0, joins: 0, pongs: 0, closes: 0, onChange: () => {} };
}

/** Waits until `isEnough` says yes of a tally. @throws when that takes too long */
export function counted(tally: Tally, isEnough: () => boolean, msMax = 60_000): Promise<void> {
  if (isEnough()) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const { onChange: _, ...counts } = tally;
      reject(new Error(`Still waiting after ${msMax} ms, with ${JSON.stringify(counts)}`));
    }, msMax);
    tally.onChange = () => {
      if (!isEnough()) return;
      clearTimeout(timer);
      tally.onChange = () => {};
      resolve();
    };
  });
}

/** An open socket. Whoever opened it ends it. */
export interface RawSocket {
  write(bytes: Uint8Array): void;
  end(): void;
}

const codeOf = (letter: string) => letter.charCodeAt(0);
/** Where the type of a frame begins: after `{"type":"`. */
const typeAt = 9;
const typeSigns = {
  message: codeOf("m"),
  ack: codeOf("a"),
  joined: codeOf("j"),
  pong: codeOf("p"), // presence begins so as well
};

/**
 * Opens a WebSocket and counts what comes. Resolves when the server accepted it. `onMessage` gets
 * the text of each message; reading it costs time, so most sockets have none.
 */
export function openSocket(
  port: number,
  path: string,
  tally: Tally,
  onMessage?: (text: string) => void,
): Promise<RawSocket> {
  const reader = new FrameReader((chunk, start, end) => {
    const sign = chunk[start + typeAt];
    if (sign === typeSigns.message) {
      tally.messages += 1;
      onMessage?.(chunk.toString("utf8", start, end));
    } else if (sign === typeSigns.ack) tally.acks += 1;
    else if (sign === typeSigns.joined) tally.joins += 1;
    else if (sign === typeSigns.pong && chunk[start + typeAt + 1] === codeOf("o")) tally.pongs += 1;
  });
  return new Promise((resolve, reject) => {
    let isOpen = false;
    let unsent: Uint8Array[] = [];
    const push = (socket: Socket) => {
      const due = unsent;
      unsent = [];
      for (const [index, bytes] of due.entries()) {
        const sent = socket.write(bytes);
        if (sent === bytes.length) continue;
        unsent = [bytes.subarray(Math.max(0, sent)), ...due.slice(index + 1), ...unsent];
        return;
      }
    };
    const onData = (socket: Socket, data: Buffer) => {
      if (isOpen) {
        reader.push(data);
      } else {
        isOpen = true; // the answer to the handshake comes in one piece, perhaps with frames behind
        const end = data.indexOf("\r\n\r\n") + 4;
        if (data.toString("latin1", 0, 12) !== "HTTP/1.1 101") return reject(refusal(data));
        const write = (bytes: Uint8Array) => {
          unsent.push(bytes);
          push(socket);
        };
        resolve({ write, end: () => void socket.end() });
        if (end < data.length) reader.push(data.subarray(end));
      }
      tally.onChange();
    };
    Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (socket) => void socket.write(handshake(port, path)),
        data: onData,
        drain: push,
        error: (_, error) => reject(error),
        close: () => {
          tally.closes += 1;
          tally.onChange();
        },
      },
    }).catch(reject);
  });
}

/** Encodes a client's text frame. */
export function toFrame(content: object): Buffer {
  return toRawFrame(0x1, Buffer.from(JSON.stringify(content)));
}

/** Encodes a client's frame. A mask of zeros leaves the payload as it is. */
export function toRawFrame(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 6 : length < 65_536 ? 8 : 14);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head.length === 8) head.writeUInt16BE(length, 2);
  if (head.length === 14) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

/** Asks to become a WebSocket. */
export function handshake(port: number, path: string): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\n` +
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
  );
}

function refusal(data: Buffer): Error {
  return new Error(`The server refused: ${data.toString("latin1", 0, 80)}`);
}
