/** The rooms that are open on this node: made when first needed, let go when nobody is there. */

import { isSystemRoom } from "../protocol/room-name.ts";
import type { Broker, Peers } from "./ports.ts";
import { Room, type RoomSurroundings } from "./room.ts";

/** What rooms are opened with. */
export interface OpenRoomsParts {
  /** The log that keeps a room. */
  readonly logOf: (room: string) => Broker;
  /** The other nodes; null where there are none. */
  readonly peers: Peers | null;
  readonly surroundings: Omit<RoomSurroundings, "peers" | "onDeserted">;
}

/** `close` stops the alarms of all of them. */
export class OpenRooms {
  readonly byName = new Map<string, Room>();
  readonly #numbering = new Map<string, Promise<void>>();
  readonly #parts: OpenRoomsParts;
  readonly #surroundings: RoomSurroundings;
  /** The server's own rooms are each node's own. */
  readonly #systemSurroundings: RoomSurroundings;

  constructor(parts: OpenRoomsParts) {
    this.#parts = parts;
    const { peers, surroundings } = parts;
    const onDeserted = (room: Room) => this.#close(room);
    this.#surroundings = { ...surroundings, peers, onDeserted };
    this.#systemSurroundings = { ...surroundings, peers: null, onDeserted };
  }

  /**
   * Opens a room and counts one use more of it.
   * @throws unavailable when the log does not answer
   */
  async open(name: string): Promise<Room> {
    let room = this.byName.get(name);
    if (room === undefined) {
      room = new Room(name, isSystemRoom(name) ? this.#systemSurroundings : this.#surroundings);
      this.byName.set(name, room);
      this.#numbering.set(name, this.#number(room));
    }
    room.uses += 1; // before the wait, so that it is not let go meanwhile
    try {
      await this.#numbering.get(name);
    } catch (thrown) {
      room.release();
      throw thrown;
    }
    return room;
  }

  close(): void {
    for (const room of this.byName.values()) room.presence.close();
    this.byName.clear();
  }

  /** Learns how far the room is and, where it is shared, who is there on other nodes. */
  async #number(room: Room): Promise<void> {
    const { name } = room;
    const meeting = this.#peersOf(name)?.listen(name);
    try {
      const { epoch, last, lastAt } = await this.#parts.logOf(name).listen(name);
      room.number(epoch, last, lastAt); // at once: announcements go on from there
      await meeting;
    } catch (thrown) {
      this.#close(room);
      throw thrown;
    } finally {
      this.#numbering.delete(name);
    }
  }

  #close(room: Room): void {
    const { name } = room;
    if (this.byName.get(name) !== room) return;
    this.byName.delete(name);
    this.#parts.logOf(name).unlisten(name);
    this.#peersOf(name)?.unlisten(name);
  }

  #peersOf(name: string): Peers | null {
    return isSystemRoom(name) ? null : this.#parts.peers;
  }
}
