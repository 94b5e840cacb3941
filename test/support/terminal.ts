/** A terminal for commands that run within a test. */

import type { Terminal } from "../../src/cli/terminal.ts";

/** What a command wrote to its terminal. */
export interface Transcript {
  out: string;
  err: string;
}

/** Makes a terminal that nobody types at or watches, and what is written to it. */
export function createTerminal(given: Partial<Terminal> & Pick<Terminal, "folder">): {
  readonly terminal: Terminal;
  readonly transcript: Transcript;
} {
  const transcript: Transcript = { out: "", err: "" };
  const write = (text: string) => {
    transcript.out += text;
  };
  const terminal: Terminal = {
    environment: {},
    command: [],
    supervisor: null,
    isColored: false,
    isTyped: false,
    columns: 80,
    read: async () => "",
    input: async function* () {},
    write,
    print: async (text) => {
      write(text);
      return true;
    },
    complain: (text) => {
      transcript.err += text;
    },
    onSignal: () => {},
    onUnread: () => {},
    onHangup: () => {},
    onDefect: () => {},
    ...given,
  };
  return { terminal, transcript };
}
