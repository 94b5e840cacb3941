/** The token of this tab: from its address or its store, and on the way to the server. */

const lengthMax = 8_192;
const form = /^[\w-]+\.[\w-]+\.[\w-]+$/;
// Two servers behind one host, under different paths, must not share tokens.
const keyOf = (path: string) => `partyline ${path} token`;

/**
 * Takes the token over that a link brought along (`#access_token=…`, with `&room=…` if it is meant
 * for one), so that it stands in the address no longer. Returns undefined if there is none.
 */
export function takeTokenOfAddress(): string | undefined {
  if (!location.hash.startsWith("#access_token=")) return undefined;
  const given = new URLSearchParams(location.hash.slice(1));
  const room = given.get("room");
  const hash = room === null ? "" : `#${encodeURIComponent(room)}`;
  // In place of the entry in the tab's history, too: "back" must not bring it up again.
  history.replaceState(null, "", location.pathname + location.search + hash);
  return readToken(given.get("access_token") ?? "");
}

/** Reads what somebody pasted. Returns undefined if that cannot be a token. */
export function readToken(text: string): string | undefined {
  const token = text.trim().replace(/^(?:authorization:)?\s*bearer\s+/i, "");
  return token.length <= lengthMax && form.test(token) ? token : undefined;
}

/** Recalls the token that this tab had before a reload; `path` is that of another page of the server. */
export function recallToken(path = location.pathname): string | undefined {
  try {
    return readToken(sessionStorage.getItem(keyOf(path)) ?? "");
  } catch {
    return undefined; // A browser that blocks storage throws on the mere mention of it.
  }
}

/** Keeps the token for as long as the tab is open, and no longer; undefined forgets it. */
export function keepToken(token: string | undefined): void {
  try {
    if (token === undefined) sessionStorage.removeItem(keyOf(location.pathname));
    else sessionStorage.setItem(keyOf(location.pathname), token);
  } catch {
    // The page works on, and asks again after a reload.
  }
}

/** Fetches with the token in a header, where neither history nor a log sees it. */
export function fetchAs(
  token: string | undefined,
  url: string,
  accept = "*/*",
  init: RequestInit = {},
): Promise<Response> {
  const headers = new Headers({ ...init.headers, accept });
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  return fetch(url, { ...init, headers });
}
