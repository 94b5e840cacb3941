/** Other nodes that only note what they are told, and say what a test has them say. */

import type { Crowd, Headcount, Peers, PeersListener, Share } from "../../src/hub/ports.ts";

export class NotingPeers implements Peers {
  /** What was told, in order. */
  readonly told: string[] = [];
  isBlind = false;
  /** Who is said to be in each room. */
  readonly crowds = new Map<string, Crowd>();
  listener: PeersListener | null = null;
  /** Set to let a `listen` wait. */
  meeting: Promise<void> | undefined;
  /** Set to have questions rejected. */
  failure: Error | null = null;

  async start(listener: PeersListener): Promise<void> {
    this.listener = listener;
  }

  async listen(room: string): Promise<void> {
    this.told.push(`listen ${room}`);
    await this.meeting;
    this.listener?.onCrowd(room, "other", this.crowds.get(room)?.shares ?? []);
  }

  unlisten(room: string): void {
    this.told.push(`unlisten ${room}`);
  }

  share(room: string, { id, connections }: Share): void {
    this.told.push(`share ${room} ${id} ${connections}`);
  }

  unshare(room: string, user: string): void {
    this.told.push(`unshare ${room} ${user}`);
  }

  observers(room: string, count: number): void {
    this.told.push(`observers ${room} ${count}`);
  }

  signal(room: string): void {
    this.told.push(`signal ${room}`);
  }

  async crowd(room: string): Promise<Crowd> {
    if (this.failure !== null) throw this.failure;
    return this.crowds.get(room) ?? { shares: [], observers: 0 };
  }

  async headcounts(rooms: readonly string[]): Promise<Headcount[]> {
    const crowds = await Promise.all(rooms.map((room) => this.crowd(room)));
    return crowds.map(({ shares, observers }) => ({ members: shares.length, observers }));
  }

  async rooms(after: string, roomsMax: number): Promise<string[]> {
    if (this.failure !== null) throw this.failure;
    const above = [...this.crowds.keys()].filter((room) => room > after);
    return above.sort().slice(0, roomsMax);
  }

  async close(): Promise<void> {}
}
