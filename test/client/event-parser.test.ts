import { expect, test } from "bun:test";
import fc from "fast-check";
import { createEventParser, type ParsedEvent } from "../../src/client/event-parser.ts";
import { encodeComment, encodePreamble, formatEvent } from "../../src/protocol/event-stream.ts";

const decoder = new TextDecoder();

test("events come out as the server wrote them, however they are cut", () => {
  const field = fc.stringMatching(/^[\w.:@,$~ -]{1,40}$/);
  const event = fc.record(
    { event: fc.stringMatching(/^[a-z_]{1,20}$/), id: field, data: fc.json() },
    { requiredKeys: ["data"] },
  );
  const cuts = fc.array(fc.nat({ max: 30 }), { maxLength: 200 });
  fc.assert(
    fc.property(fc.array(event), cuts, (events, lengths) => {
      const written = events.map(formatEvent).join(decoder.decode(encodeComment("")));
      const heard: ParsedEvent[] = [];
      const parse = createEventParser((event) => heard.push(event));
      let rest = decoder.decode(encodePreamble(1_000)) + written;
      for (const length of lengths) {
        parse(rest.slice(0, length));
        rest = rest.slice(length);
      }
      parse(rest);
      const { length } = heard.filter(({ data }) => data !== undefined);
      expect(length).toBe(events.length);
      expect(heard.filter(({ data }) => data !== undefined)).toEqual(events);
    }),
  );
});
