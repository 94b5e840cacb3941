/** Server-Sent Events out of a response's body (WHATWG HTML, section 9.2.6). */

import { createEventParser, type ParsedEvent } from "../../src/client/event-parser.ts";

/**
 * Reads the events of a body, in order, until it ends. EventSource cannot send the header that carries
 * a token, and in an address a token would end up in the logs of proxies.
 */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ParsedEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const heard: ParsedEvent[] = [];
  const parse = createEventParser((event) => heard.push(event));
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      parse(decoder.decode(value, { stream: true }));
      yield* heard.splice(0);
    }
  } finally {
    // Whoever stops listening ends the request, too.
    await reader.cancel().catch(() => {});
  }
}
