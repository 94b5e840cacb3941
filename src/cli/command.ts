/** What a command is. */

import type { KeyName } from "../config-keys.ts";
import type { Terminal } from "./terminal.ts";

/**
 * What the command line said: flags of configuration keys by the key's name, and the command's own
 * switches and options. An option that is not there was not given.
 */
export interface Arguments {
  readonly flags: Readonly<Partial<Record<KeyName, string | boolean>>>;
  readonly switches: ReadonlySet<string>;
  readonly options: ReadonlyMap<string, readonly string[]>;
}

/** A flag of one command, such as `--user <id>`. */
export interface OwnOption {
  readonly name: string;
  readonly placeholder: string;
  readonly help: string;
}

/** Does the work of a command. Resolves to the exit code once nothing is left to do. */
export type Run = (given: Arguments, terminal: Terminal) => Promise<number>;

/** One command. Its module is loaded only when it is run, so that help and version are instant. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Whether it runs when no command is named. */
  readonly isDefault: boolean;
  /** Configuration keys that it takes as flags. */
  readonly keys: readonly KeyName[];
  /** Flags of its own, that are on or off. */
  readonly switches: readonly { readonly name: string; readonly help: string }[];
  /** Flags of its own that take a value, and may be given several times. */
  readonly options: readonly OwnOption[];
  readonly examples: readonly { readonly line: string; readonly says: string }[];
  load(): Promise<Run>;
}
