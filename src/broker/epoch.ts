/** Names for lives of a log's numbering. */

const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";
const length = 8;

/** Makes a name that no other life of any log has: eight of `[0-9a-z]`, 41 random bits. */
export function createEpoch(): string {
  let epoch = "";
  while (epoch.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(length))) {
      // 252 is the largest multiple of 36 in a byte; what lies above would favour some signs.
      if (byte < 252 && epoch.length < length) epoch += alphabet[byte % 36];
    }
  }
  return epoch;
}
