/** What a command sees of the process it runs in, so that none touches `process` itself. */

/** Signals that ask a command to end. */
export type EndSignal = "SIGINT" | "SIGTERM";

/** The process as a command sees it. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The working directory. */
  readonly folder: string;
  /** Whether what is written may be coloured. */
  readonly isColored: boolean;
  /** Columns that help may fill. */
  readonly columns: number;
  /** Reads standard input to its end, or its first `bytesMax` bytes and a few. */
  read(bytesMax: number): Promise<string>;
  /** Writes to standard output as it is. */
  write(text: string): void;
  /** Writes to standard error as it is. */
  complain(text: string): void;
  /** Calls `end` for each signal that asks to end; the process does not end by itself then. */
  onSignal(end: (signal: EndSignal) => void): void;
  /** Calls `act` at each SIGHUP, which ends the process otherwise. */
  onHangup(act: () => void): void;
  /** Sends defects that nobody caught to `report`, in place of standard error. */
  onDefect(report: (defect: unknown) => void): void;
}
