/** Server-Sent Events, as our server writes them: lines end in LF, data is one line. */

/** One event. `data` is empty where only an id was told; `event` is undefined for a message. */
export interface ParsedEvent {
  readonly event?: string;
  readonly id?: string;
  readonly data?: string;
}

/** Makes a parser that takes text in any pieces, and calls `hear` on each event. */
export function createEventParser(hear: (event: ParsedEvent) => unknown): (text: string) => void {
  let rest = "";
  return (text) => {
    const events = (rest + text).split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) {
      // A comment has no name before its colon.
      hear(Object.fromEntries(event.split("\n").map((line) => line.split(/: (.*)/))));
    }
  };
}
