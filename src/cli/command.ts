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
  /** What stands without a flag, in order. */
  readonly operands: readonly string[];
}

/** A flag of one command, such as `--user <id>`. */
export interface OwnOption {
  readonly name: string;
  /** The letter that also stands for it, if one does. */
  readonly letter?: string;
  readonly placeholder: string;
  readonly help: string;
}

/** What a command takes without a flag, such as the file of `backup <file>`. */
export interface Operand {
  readonly name: string;
  readonly help: string;
  readonly isOptional: boolean;
  /** True for the last one, where it may be given several times. */
  readonly isRepeatable?: true;
}

/** A flag of one command that is on or off, such as `--json`. */
export type OwnSwitch = Omit<OwnOption, "placeholder">;

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
  readonly switches: readonly OwnSwitch[];
  /** Flags of its own that take a value, and may be given several times. */
  readonly options: readonly OwnOption[];
  /** None where left out. */
  readonly operands?: readonly Operand[];
  readonly examples: readonly { readonly line: string; readonly says: string }[];
  load(): Promise<Run>;
}
