/** An SSE client that only notes what it receives, read by a foreign parser. */

import { createParser, type EventSourceMessage } from "eventsource-parser";
import { eventually } from "./poll.ts";

/** The fields of an event's JSON that tests look at, as if all were there. */
export interface EventData {
  readonly type: string;
  readonly room: string;
  readonly position: string;
  readonly content: unknown;
  readonly from: unknown;
  readonly to: string;
  readonly reason: string;
}

export class EventReader implements Disposable {
  readonly #abort = new AbortController();
  readonly events: EventSourceMessage[] = [];
  readonly comments: string[] = [];
  readonly retries: number[] = [];
  /** The text as it came. */
  text = "";
  /** The newest id, also one that came without an event (WHATWG HTML, section 9.2.6). */
  lastEventId = "";
  response: Response | null = null;
  isEnded = false;

  /** Begins to read; `lastEventId` is sent as a browser that comes back sends it. */
  constructor(url: string, lastEventId?: string) {
    const headers = new Headers();
    if (lastEventId !== undefined) headers.set("last-event-id", lastEventId);
    this.#read(url, headers).catch(() => {
      this.isEnded = true; // cut, by this side or the other
    });
  }

  /** The events without a name: messages. */
  get messages(): EventData[] {
    return this.events
      .filter(({ event }) => event === undefined)
      .map(({ data }) => JSON.parse(data));
  }

  /** The events with a name. */
  named(name: string): EventData[] {
    return this.events.filter(({ event }) => event === name).map(({ data }) => JSON.parse(data));
  }

  /** Resolves when the server answered and the first bytes came. */
  async open(): Promise<Response> {
    return eventually("the first bytes of a stream", () =>
      this.text === "" ? null : this.response,
    );
  }

  /** Resolves when the reader stands in its room or rooms. */
  async stand(): Promise<void> {
    await eventually("an id", () => this.lastEventId !== "");
  }

  /** Resolves when so many messages came. */
  async count(messages: number): Promise<void> {
    await eventually(`${messages} messages`, () => this.messages.length >= messages);
  }

  [Symbol.dispose](): void {
    this.#abort.abort();
  }

  async #read(url: string, headers: Headers): Promise<void> {
    const response = await fetch(url, { headers, signal: this.#abort.signal });
    this.response = response;
    const parser = createParser({
      onEvent: (event) => this.events.push(event),
      onComment: (comment) => this.comments.push(comment),
      onRetry: (retry) => this.retries.push(retry),
    });
    const decoder = new TextDecoder();
    let begun = ""; // of a line that came in part
    for await (const bytes of response.body ?? []) {
      const text = decoder.decode(bytes, { stream: true });
      this.text += text;
      const lines = `${begun}${text}`.split("\n");
      begun = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("id: ")) this.lastEventId = line.slice(4);
      parser.feed(text);
    }
    this.isEnded = true;
  }
}
