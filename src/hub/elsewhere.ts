/** What other nodes say of one room: which users have how many connections to it there. */

import type { Share } from "./ports.ts";

/** A share, and the node it is on. */
interface Stay {
  readonly node: string;
  readonly share: Share;
}

/** Kept only for rooms of which another node has said something. */
export class Elsewhere {
  /** Most users are on one node, hardly any on more than two or three. */
  readonly #stays = new Map<string, readonly Stay[]>();
  readonly #observers = new Map<string, number>();
  #observerCount = 0;

  /** Those who read on other nodes without being members. */
  get observerCount(): number {
    return this.#observerCount;
  }

  /** Tells whether a user is on another node. */
  has(user: string): boolean {
    return this.#stays.has(user);
  }

  /** Connections of a user on other nodes. */
  connectionsOf(user: string): number {
    let sum = 0;
    for (const { share } of this.#stays.get(user) ?? []) sum += share.connections;
    return sum;
  }

  /** The users who are on a node. */
  usersOf(node: string): string[] {
    const users: string[] = [];
    for (const [user, stays] of this.#stays) if (isOn(stays, node)) users.push(user);
    return users;
  }

  /** Puts a share in the place of the one before. */
  set(node: string, share: Share): void {
    const others = (this.#stays.get(share.id) ?? []).filter((stay) => stay.node !== node);
    this.#stays.set(share.id, [...others, { node, share }]);
  }

  /** Forgets a user's share on a node. Returns false when there was none. */
  delete(node: string, user: string): boolean {
    const stays = this.#stays.get(user) ?? [];
    if (!isOn(stays, node)) return false;
    const others = stays.filter((stay) => stay.node !== node);
    if (others.length === 0) this.#stays.delete(user);
    else this.#stays.set(user, others);
    return true;
  }

  /** Takes down how many read on a node without being members. */
  observe(node: string, count: number): void {
    this.#observerCount += count - (this.#observers.get(node) ?? 0);
    if (count === 0) this.#observers.delete(node);
    else this.#observers.set(node, count);
  }
}

function isOn(stays: readonly Stay[], node: string): boolean {
  return stays.some((stay) => stay.node === node);
}
