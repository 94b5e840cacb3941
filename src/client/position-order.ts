/** Which of two positions of one room comes first. */

/**
 * Tells whether `position` is at or before `other`, as far as they are of the same epoch; undefined
 * when they are not, and nothing can be told.
 */
export function isWithin(position: string, other: string): boolean | undefined {
  const [epoch, offset] = position.split(":");
  const [otherEpoch, otherOffset] = other.split(":");
  return epoch === otherEpoch ? Number(offset) <= Number(otherOffset) : undefined;
}
