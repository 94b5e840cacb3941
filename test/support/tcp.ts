/** A TCP connection that says exactly what a test wants said. */

import { connect, type Socket } from "node:net";
import { eventually } from "./poll.ts";

export class Tcp implements Disposable {
  readonly socket: Socket;
  #received: Buffer[] = [];
  isClosed = false;

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    this.socket.on("data", (bytes: Buffer) => this.#received.push(bytes));
    this.socket.on("error", () => {}); // a reset is an end like any other
    this.socket.on("end", () => {
      this.isClosed = true;
    });
    this.socket.on("close", () => {
      this.isClosed = true;
    });
  }

  get received(): Buffer {
    const all = Buffer.concat(this.#received);
    this.#received = [all];
    return all;
  }

  /** What was received, one character a byte. */
  get text(): string {
    return this.received.toString("latin1");
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Sends an HTTP/1.1 request head. */
  request(line: string, ...headers: string[]): void {
    this.write([line, "Host: localhost", ...headers, "", ""].join("\r\n"));
  }

  /** Asks to become a WebSocket; `headers` are besides the needed ones. */
  upgrade(path: string, ...headers: string[]): void {
    const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    const version = "Sec-WebSocket-Version: 13";
    this.request(`GET ${path} HTTP/1.1`, key, version, ...headers);
  }

  /** Resolves once the received text matches. */
  async match(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(`${pattern} from the server`, () => pattern.exec(this.text));
  }

  /** Resolves once the server ended the connection. */
  async closed(): Promise<void> {
    await eventually("the end of the connection", () => this.isClosed);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** One WebSocket frame of a client (RFC 6455, section 5.2), masked with zeros. */
export function toFrame(opcode: number, payload: Uint8Array, isFinal = true): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 6 : length < 65_536 ? 8 : 14);
  head[0] = opcode | (isFinal ? 0x80 : 0);
  head[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (length >= 65_536) head.writeBigUInt64BE(BigInt(length), 2);
  else if (length >= 126) head.writeUInt16BE(length, 2);
  return Buffer.concat([head, payload]);
}
