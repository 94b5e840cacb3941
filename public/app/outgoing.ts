/** Our own messages on their way: what is published is known here until it is seen in the log. */

import type { Line, Room } from "../../src/client/contract.ts";
import { LineError } from "../../src/client/line-error.ts";
import { createMessageId } from "../../src/client/room.ts";

/**
 * A message of ours on its way. `position` is where it was stored, once it was; `failure` says in
 * words why it will not be sent again by itself.
 */
export interface Outgoing {
  readonly id: string;
  readonly room: string;
  readonly content: unknown;
  readonly at: number;
  readonly state: "waiting" | "sent" | "failed";
  readonly position?: string;
  readonly failure?: string;
}

/** Who hears what becomes of them: each change, and each refusal that fails one. */
export interface OutgoingListener {
  onOutgoing(outgoing: Outgoing): void;
  onRefused(outgoing: Outgoing, error: LineError): void;
}

/** What is needed of a line. */
export interface Carrier {
  readonly state: Line["state"];
  readonly rooms: ReadonlyMap<string, Pick<Room, "publish">>;
}

/** Makes a message of ours, with an id by which the server knows it however often it is sent. */
export function createOutgoing(room: string, content: unknown): Outgoing {
  return { id: createMessageId(), room, content, at: Date.now(), state: "waiting" };
}

/** Hands messages to the line, which sends them as soon as it can, and again until they are stored. */
export class Outbox {
  readonly #line: Carrier;
  readonly #listener: OutgoingListener;
  readonly #underWay = new Set<string>();

  constructor(line: Carrier, listener: OutgoingListener) {
    this.#line = line;
    this.#listener = listener;
  }

  /**
   * Sends a message, or sends it again. It waits while its room cannot be had, and whoever joins that
   * room calls this once more. Nothing happens to what the line has already.
   */
  async send({ id, room, content, at }: Outgoing): Promise<void> {
    const outgoing: Outgoing = { id, room, content, at, state: "waiting" };
    if (this.#underWay.has(id)) return;
    this.#listener.onOutgoing(outgoing);
    if (!this.#isOpen(room)) return;
    this.#underWay.add(id);
    try {
      const position = await this.#line.rooms.get(room)?.publish(content, { id });
      this.#underWay.delete(id);
      this.#listener.onOutgoing({ ...outgoing, state: "sent", position });
    } catch (thrown) {
      this.#underWay.delete(id);
      if (!(thrown instanceof LineError)) throw thrown;
      // Nobody judged the message itself: it waits for a token that opens the room.
      if (!this.#isOpen(room)) return;
      this.#listener.onOutgoing({ ...outgoing, state: "failed", failure: thrown.message });
      this.#listener.onRefused(outgoing, thrown);
    }
  }

  #isOpen(room: string): boolean {
    return this.#line.state.name !== "closed" && this.#line.rooms.has(room);
  }
}
