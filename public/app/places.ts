/** The rooms that the connection is to be in, and where this reader stands in each. */

interface Place {
  since: string | undefined;
  isJoined: boolean;
}

/** The rooms by name. They outlive the lines over which they are joined. */
export class Places {
  readonly #places = new Map<string, Place>();

  get rooms(): string[] {
    return [...this.#places.keys()];
  }

  /** Those of which no answer to a join has come over the line that is open. */
  get unjoined(): string[] {
    return this.rooms.filter((room) => !this.isJoined(room));
  }

  add(room: string, since: string | undefined): void {
    this.#places.set(room, { since, isJoined: false });
  }

  remove(room: string): void {
    this.#places.delete(room);
  }

  isJoined(room: string): boolean {
    return this.#places.get(room)?.isJoined === true;
  }

  /** The position to resume from; undefined for the end. */
  since(room: string): string | undefined {
    return this.#places.get(room)?.since;
  }

  /** The reader stands at `position` now; after a join it is in the room, too. */
  stand(room: string, position: string, isJoined = this.isJoined(room)): void {
    if (this.#places.has(room)) this.#places.set(room, { since: position, isJoined });
  }

  /** The server put this reader out of a room. */
  unjoin(room: string): void {
    const place = this.#places.get(room);
    if (place !== undefined) place.isJoined = false;
  }

  /** The line was cut. */
  unjoinAll(): void {
    for (const place of this.#places.values()) place.isJoined = false;
  }
}
