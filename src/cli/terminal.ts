/** What a command sees of the process it runs in, so that none touches `process` itself. */

/** Signals that ask a command to end. */
export type EndSignal = "SIGINT" | "SIGTERM";

/** What leads from a worker to its supervisor. */
export interface SupervisorChannel {
  /** What the supervisor wants of this process. */
  readonly role: string;
  /** Resolves once it was sent, or cannot be. */
  send(message: object): Promise<void>;
  onMessage(take: (message: unknown) => void): void;
  /** Calls `act` once the supervisor is gone. */
  onGone(act: () => void): void;
}

/** The process as a command sees it. */
export interface Terminal {
  /** What starts this program again, with the same arguments, as it is on the disk then. */
  readonly command: readonly string[];
  /** Null in a process that no supervisor started. */
  readonly supervisor: SupervisorChannel | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The working directory. */
  readonly folder: string;
  /** Whether what is written may be coloured. */
  readonly isColored: boolean;
  /** Whether somebody looks at standard error, who may be shown progress there. */
  readonly isWatched?: boolean;
  /** Whether somebody types standard input, which otherwise is a pipe or a file. */
  readonly isTyped: boolean;
  /** Columns that help may fill. */
  readonly columns: number;
  /** Reads standard input to its end, or its first `bytesMax` bytes and a few. */
  read(bytesMax: number): Promise<string>;
  /** Reads standard input piece by piece, no faster than the pieces are taken. */
  input(): AsyncIterable<Uint8Array>;
  /** Writes to standard output as it is. */
  write(text: string): void;
  /**
   * Writes to standard output, and resolves once somebody took it: to false when nobody reads it any
   * more, as behind `| head`. Whoever waits for it needs no memory for what a slow reader has to come.
   * @throws Error when it cannot be written, as on a full disk
   */
  print(text: string): Promise<boolean>;
  /** Calls `act` once nobody reads standard output any more, if that can be told before a write. */
  onUnread(act: () => void): void;
  /** Writes to standard error as it is. */
  complain(text: string): void;
  /**
   * Calls `end` for each signal that asks to end; the process does not end by itself then. A server is
   * told at once of one that came before.
   */
  onSignal(end: (signal: EndSignal) => void): void;
  /**
   * Calls `act` at each SIGHUP, which ends the process otherwise, and at once for one that came before
   * to a server. One that comes because the terminal was closed asks to end, like SIGTERM.
   */
  onHangup(act: () => void): void;
  /** Sends defects that nobody caught to `report`, in place of standard error. */
  onDefect(report: (defect: unknown) => void): void;
}
