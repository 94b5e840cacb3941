/** A key that cannot be used. */

/** Keeps a server from starting. The message is one sentence that names the file and what is wrong. */
export class KeyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "KeyError";
  }
}
