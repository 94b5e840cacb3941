/** A publisher that does not rest before each of its messages is acknowledged. */

import { eventually } from "./poll.ts";

const unacknowledgedMax = 16;

/** Publishes over WebSocket, and again under the same id after each cut. */
export class SureWriter {
  /** The position of each message by its id, as it was acknowledged. */
  readonly acknowledged: Map<string, string>;
  readonly #url: () => string;
  readonly #room: string;
  readonly #name: string;
  readonly #pending = new Set<string>();
  #socket: WebSocket | null = null;
  #count = 0;
  #isWriting = true;

  /** `url` is asked for the server's address before each connection. */
  constructor(url: () => string, room: string, name: string, acknowledged: Map<string, string>) {
    this.#url = url;
    this.#room = room;
    this.#name = name;
    this.acknowledged = acknowledged;
    this.#connect();
  }

  /** Drops the connection; another follows. */
  cut(): void {
    (this.#socket as (WebSocket & { terminate(): void }) | null)?.terminate();
  }

  /** Resolves when nothing new is written and all is acknowledged. */
  async end(): Promise<void> {
    this.#isWriting = false;
    await eventually(`the acknowledgements of ${this.#name}`, () => this.#pending.size === 0);
    this.#socket?.close();
  }

  #connect(): void {
    const socket = new WebSocket(`${this.#url().replace("http", "ws")}/ws`);
    this.#socket = socket;
    socket.onopen = () => {
      socket.send(JSON.stringify({ type: "join", room: this.#room }));
      for (const id of this.#pending) this.#send(socket, id);
      this.#writeMore(socket);
    };
    socket.onmessage = ({ data }) => {
      if (!data.startsWith('{"type":"ack"')) return;
      const { id, position } = JSON.parse(data);
      this.#pending.delete(id);
      this.acknowledged.set(id, position);
      this.#writeMore(socket);
    };
    socket.onclose = () => {
      if (this.#isWriting || this.#pending.size > 0) setTimeout(() => this.#connect(), 10);
    };
  }

  #writeMore(socket: WebSocket): void {
    while (this.#isWriting && this.#pending.size < unacknowledgedMax) {
      this.#count += 1;
      const id = `${this.#name}-${this.#count}`;
      this.#pending.add(id);
      this.#send(socket, id);
    }
  }

  #send(socket: WebSocket, id: string): void {
    socket.send(JSON.stringify({ type: "message", room: this.#room, id, content: id }));
  }
}
