/** A WebSocket client that only notes what it receives. */

import { eventually } from "./poll.ts";

/** A frame as it came: every field there may be, as if all were there. */
export interface Frame {
  readonly type: string;
  readonly ref: unknown;
  readonly room: string;
  readonly position: string;
  readonly content: unknown;
  readonly data: unknown;
  readonly bytes: string;
  readonly id: string;
  readonly code: string;
  readonly message: string;
  readonly connection: string;
  readonly duplicate: boolean;
  readonly recovered: boolean;
  readonly more: boolean;
  readonly observers: number;
  readonly memberCount: number;
  readonly from: { readonly id: string; readonly name: string };
  readonly user: { readonly id: string; readonly name: string };
  readonly members: readonly { readonly id: string; readonly name: string }[];
  readonly joined: readonly { readonly id: string; readonly name: string }[];
  readonly left: readonly { readonly id: string; readonly name: string }[];
  readonly messages: readonly Frame[];
}

export class Client {
  readonly socket: WebSocket;
  /** All text frames so far, decoded. */
  readonly frames: Frame[] = [];
  /** All binary frames so far. */
  readonly binaryFrames: Uint8Array[] = [];
  /** How it was closed. */
  closed: { code: number; reason: string } | null = null;
  #taken = new Set<Frame>();
  #refs = 0;

  constructor(url: string, protocols: string[] = []) {
    this.socket = new WebSocket(url, protocols);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.frames.push(JSON.parse(data));
      else this.binaryFrames.push(new Uint8Array(data));
    };
    this.socket.onclose = ({ code, reason }) => {
      this.closed = { code, reason };
    };
  }

  /** Sends an object as JSON, text as it is, and bytes. */
  send(frame: object | string): void {
    const isRaw = typeof frame === "string" || frame instanceof Uint8Array;
    this.socket.send(isRaw ? (frame as string) : JSON.stringify(frame));
  }

  /** The oldest frame of a type that was not taken yet, once it is there. */
  async next(type: string, isMeant: (frame: Frame) => boolean = () => true): Promise<Frame> {
    const frame = await eventually(`a frame "${type}"`, () =>
      this.frames.find((each) => each.type === type && isMeant(each) && !this.#taken.has(each)),
    );
    this.#taken.add(frame);
    return frame;
  }

  /** Sends a request and resolves to its reply, which repeats the ref. */
  async ask(request: object): Promise<Frame> {
    this.#refs += 1;
    const ref = `ask-${this.#refs}`;
    this.send({ ...request, ref });
    return eventually(`a reply to ${JSON.stringify(request).slice(0, 200)}`, () =>
      this.frames.find((frame) => frame.ref === ref),
    );
  }

  /** Joins a room and resolves to the answer. */
  join(room: string, fields: object = {}): Promise<Frame> {
    return this.ask({ type: "join", room, ...fields });
  }

  /** Resolves when everything the server had to say until now is there. */
  async settle(): Promise<void> {
    await this.ask({ type: "ping" });
  }

  /** The frames of a type. */
  all(type: string): Frame[] {
    return this.frames.filter((frame) => frame.type === type);
  }

  /** Resolves to how the connection was closed. */
  async end(): Promise<{ code: number; reason: string }> {
    return eventually("the close of a connection", () => this.closed);
  }

  close(): void {
    this.socket.close();
  }

  /** Drops the connection without a word. */
  cut(): void {
    (this.socket as WebSocket & { terminate(): void }).terminate();
  }
}
