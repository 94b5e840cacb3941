/** The contract between this node's limits and those that share a user with it. */

/**
 * Counts the connections of users on all nodes that share the rooms. Nothing here fails where the
 * others cannot be asked: then what this node counts by itself is all that bounds.
 */
export interface UserQuota {
  /**
   * Begins to tell on how many nodes a user is connected, 1 or more, whenever that changes for one
   * who is connected to this one. Called once, before the first claim; `onNodes` must not throw.
   */
  start(onNodes: (user: string, nodes: number) => void): void;
  /**
   * Counts one more connection of a user here. Resolves to false, and counts nothing, where all nodes
   * together have `max` of them already; 0 means no bound. Never rejects.
   */
  claim(user: string, max: number): Promise<boolean>;
  /** Gives one back: after its claim has resolved to true or, where that has no bound, at any time. */
  release(user: string): void;
}
