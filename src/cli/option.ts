/** Reading the options of a command. */

import { show } from "../config-source.ts";
import type { Kind, Value } from "../config-value.ts";
import type { Arguments } from "./command.ts";

type Options = Arguments["options"];

/** A flag that is wrong, in one sentence that names it, its value and the accepted form. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

/** Finds what an option was given. Undefined if it was not. @throws UsageError when it was twice */
export function optionOf(options: Options, name: string): string | undefined {
  const [first, ...others] = options.get(name) ?? [];
  if (others.length > 0) throw new UsageError(`--${name} can be given once.`);
  return first;
}

/** Reads an option as a value of a kind. Undefined if it was not given. @throws UsageError */
export function readOption<Kept extends Value>(
  options: Options,
  name: string,
  kind: Kind<Kept>,
): Kept | undefined {
  const given = optionOf(options, name);
  if (given === undefined) return undefined;
  const value = kind.parse(given, "");
  if (value !== undefined) return value;
  throw new UsageError(`--${name} is ${show(given)}, which is not accepted; give ${kind.accepts}.`);
}
