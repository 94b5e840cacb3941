/** Names in Redis that more than one part uses. */

/** The one key that numbering hangs on. */
export function headsKey(prefix: string): string {
  return `${prefix}:heads`;
}

/** The channel on which a new epoch is told to the nodes that use the old one. */
export function epochChannel(prefix: string): string {
  return `${prefix}:epoch`;
}
