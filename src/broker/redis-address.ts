/** Where a Redis is, as the configuration says it. */

/** One Redis. `url` may hold a password and is never shown; `place` is its host and port. */
export interface RedisAddress {
  readonly url: string;
  readonly place: string;
}

/** What {@link parseRedisAddresses} takes, completing the sentence "give …". */
export const redisAddressesForm =
  "URLs such as redis://127.0.0.1:6379 or rediss://user:password@host:6380, between commas, " +
  "without a path or a query";

const addressesMax = 16;
const lengthMax = 8_192;
const usualPort = 6_379;

/** Reads URLs between commas, in the order in which they are tried. Returns undefined for others. */
export function parseRedisAddresses(text: string): readonly RedisAddress[] | undefined {
  if (text.length > lengthMax) return undefined;
  const addresses: RedisAddress[] = [];
  for (const part of text.split(",")) {
    const address = parseAddress(part.trim());
    if (address === undefined || addresses.length === addressesMax) return undefined;
    addresses.push(address);
  }
  return addresses;
}

/**
 * A database's number is refused, but for the usual one's: the channels of all databases are the same,
 * so that installations kept apart by it would hear each other.
 */
function parseAddress(text: string): RedisAddress | undefined {
  if (!/^rediss?:\/\/[\x21-\x7e]+$/.test(text)) return undefined;
  const url = URL.parse(text);
  if (url === null || url.hostname === "" || url.search !== "" || url.hash !== "") return undefined;
  if (!["", "/", "/0"].includes(url.pathname)) return undefined;
  try {
    for (const part of [url.username, url.password]) decodeURIComponent(part);
  } catch {
    return undefined; // A % that begins no character.
  }
  const port = url.port === "" ? usualPort : Number(url.port);
  return port === 0 ? undefined : { url: url.href, place: `${url.hostname}:${port}` };
}

/** Says something of the Redis at an address. `what` completes the sentence. */
export function tell({ place }: RedisAddress, what: string): string {
  return `The Redis at ${place} ${what}`;
}

/** The same without saying where: anybody may ask why a server is not ready. */
export function withoutPlaces(sentences: string): string {
  return sentences.replaceAll(/The Redis at \S+ /g, "Redis ");
}
