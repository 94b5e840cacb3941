/** Publishes at a steady pace over WebSocket, comes back when it is cut, and notes what was acknowledged. */

import { Client } from "../support/client.ts";
import { eventually } from "../support/poll.ts";

const tickMs = 10;

export class SteadyPublisher {
  readonly #port: number;
  readonly #rooms: readonly string[];
  readonly #perSecond: number;
  readonly #text: string;
  /** Messages that wait for their answer, by id. */
  readonly #waiting = new Map<string, { room: string; sentAt: number }>();
  #client: Client | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #sent = 0;
  #startedAt = 0;
  #isStopping = false;
  /** Positions by id. */
  readonly acknowledged = new Map<string, string>();
  /** Milliseconds from the first sending to the acknowledgement. */
  readonly latencies: number[] = [];
  /** Refusals by code. */
  readonly refusals = new Map<string, number>();

  constructor(port: number, rooms: readonly string[], perSecond: number, bytes = 100) {
    this.#port = port;
    this.#text = "x".repeat(bytes);
    this.#rooms = rooms;
    this.#perSecond = perSecond;
  }

  /** Resolves when it publishes. */
  async start(): Promise<void> {
    await this.#connect();
    this.#startedAt = performance.now();
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  /** Resolves when all that was sent is acknowledged. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await eventually("the last acknowledgements", () => this.#waiting.size === 0, 60_000);
    this.#isStopping = true;
    this.#client?.close();
  }

  #tick(): void {
    const due = ((performance.now() - this.#startedAt) / 1_000) * this.#perSecond;
    while (this.#sent < due) {
      this.#sent += 1;
      const id = `m-${this.#sent}`;
      const room = this.#rooms[this.#sent % this.#rooms.length] ?? "";
      this.#waiting.set(id, { room, sentAt: performance.now() });
      this.#send(id, room);
    }
  }

  #send(id: string, room: string): void {
    const client = this.#client;
    if (client?.socket.readyState !== WebSocket.OPEN) return; // it is sent again after the return
    client.send({ type: "message", room, id, ref: id, content: { id, text: this.#text } });
  }

  async #connect(): Promise<void> {
    const client = new Client(`ws://127.0.0.1:${this.#port}/ws`);
    let returnMs: number | undefined;
    client.socket.addEventListener("message", ({ data }) => {
      client.frames.length = 0; // it hears itself, which would fill the memory
      const frame = JSON.parse(String(data));
      if (frame.type === "ack") this.#acknowledge(frame);
      if (frame.type === "draining") returnMs = frame.reconnectAfterMs;
      if (frame.type === "error" && frame.ref !== undefined) this.#refuse(frame);
    });
    client.socket.addEventListener("close", () => {
      if (this.#isStopping) return;
      this.#client = null;
      setTimeout(() => void this.#connect(), returnMs ?? 200);
    });
    client.socket.addEventListener("open", () => {
      for (const room of this.#rooms) client.send({ type: "join", room });
      this.#client = client;
      for (const [id, { room }] of this.#waiting) this.#send(id, room);
    });
    await Bun.sleep(0);
  }

  #acknowledge({ id, position }: { id: string; position: string }): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    this.acknowledged.set(id, position);
    this.latencies.push(performance.now() - waiting.sentAt);
  }

  #refuse({ ref, code, retryAfterMs }: { ref: string; code: string; retryAfterMs?: number }): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
    const waiting = this.#waiting.get(ref);
    if (waiting !== undefined) setTimeout(() => this.#send(ref, waiting.room), retryAfterMs ?? 500);
  }
}
