/** Who may look after the whole server, and who may watch it. */

import { PartylineError } from "../protocol/errors.ts";
import type { Guard, Identity } from "./guard.ts";

/** Headers that a proxy adds: then it is not somebody at this machine who asks. */
const proxyHeaders = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

export class Administrators {
  readonly #guard: Guard;
  readonly #isPrivate: () => boolean;

  /**
   * `isPrivate` tells whether only this machine reaches the server, and everybody there may read and
   * write everything: then everybody there may watch it, and disconnect others, too.
   */
  constructor(guard: Guard, isPrivate: () => boolean) {
    this.#guard = guard;
    this.#isPrivate = isPrivate;
  }

  /**
   * Tells who asks, if they have `admin` for all rooms.
   * @throws unauthenticated, forbidden
   */
  async identify(request: Request): Promise<Identity> {
    const identity = await this.#guard.identify(request);
    if (identity.grant.isAdmin) return identity;
    if (identity.mayAuthenticate) {
      throw new PartylineError("unauthenticated", "A token is needed for this.");
    }
    if (this.#guard.authenticator.isOpen) {
      const text = "This is for administrators, and a server without a key for tokens has none.";
      throw new PartylineError("forbidden", text);
    }
    throw new PartylineError("forbidden", 'This needs a token with "admin" for all rooms ("*").');
  }

  /**
   * Tells who asks, if they may watch: as {@link Administrators.identify}, and where the server is
   * private whoever asks it directly.
   * @throws unauthenticated, forbidden
   */
  async identifyWatcher(request: Request): Promise<Identity> {
    const isDirect = proxyHeaders.every((name) => !request.headers.has(name));
    const isLetIn = this.#isPrivate() && isDirect;
    return isLetIn ? this.#guard.identify(request) : this.identify(request);
  }
}
