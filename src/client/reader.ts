/** One iteration over a room's messages, in bounded memory however slow it is. */

import type { Gap, Message } from "./contract.ts";
import type { LineError } from "./line-error.ts";
import type { Carrier, Page } from "./link.ts";
import { isWithin } from "./position-order.ts";

/** What a reader needs of its room. */
export interface ReaderSource {
  /** The newest position that the line has heard. */
  readonly position: string | undefined;
  /** Reads on in the log. */
  read(since: string): Promise<Page>;
}

/** Takes live messages as long as they fit; behind that, it reads on from the log by itself. */
export class Reader<Content> {
  readonly #source: ReaderSource;
  readonly #queue: Message<Content>[] = [];
  /** Where the last message queued stands: what follows it is next. */
  #position: string | undefined;
  #isBehind: boolean;
  #gap: Gap | undefined;
  #end: LineError | undefined;
  #wake = () => {};

  /** Reads on from `position`; `isBehind` tells that newer messages went by already. */
  constructor(source: ReaderSource, position: string | undefined, isBehind: boolean) {
    this.#source = source;
    this.#position = position;
    this.#isBehind = isBehind;
  }

  /** The room is joined at a position. */
  stand(position: string): void {
    this.#position ??= position;
  }

  /** Takes a live message. */
  message(message: Message<Content>): void {
    if (this.#isBehind || this.#has(message)) return;
    const queuedMax = 500;
    this.#isBehind = this.#queue.length >= queuedMax;
    if (!this.#isBehind) this.#add(message);
  }

  /** Takes a live gap. One that reads behind is told of it by the log. */
  gap(gap: Gap): void {
    if (this.#isBehind || this.#has({ position: gap.to })) return;
    this.#gap = gap;
    this.#position = gap.to;
  }

  /** Ends after what is queued; the iteration throws the error, save one that is `closed`. */
  end(error: LineError): void {
    this.#end ??= error;
    this.#wake();
  }

  /** Gives the messages; `forget` is called when whoever reads them has had enough. */
  async *messages(forget: () => void): AsyncGenerator<Message<Content>, void, undefined> {
    try {
      for (;;) {
        const first = this.#queue.shift();
        if (first) yield first;
        else if (this.#end) {
          if (this.#end.code === "closed") return;
          throw this.#end;
        } else if (this.#isBehind) await this.#catchUp();
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      forget();
    }
  }

  async #catchUp(): Promise<void> {
    const source = this.#source;
    const { position: before } = source;
    try {
      const page = await source.read(this.#position ?? "end");
      const { position, messages, gap, more } = page;
      this.#gap = gap ?? this.#gap;
      for (const message of messages) {
        if (!this.#has(message)) this.#add(decode(message));
      }
      this.#position = position;
      if (more) return;
      // Where the log began anew, the line heard of it just now, or is about to.
      const now = source.position;
      this.#isBehind = !(isWithin(now ?? "", position) ?? now === before);
    } catch (error) {
      this.end(error as LineError);
    }
  }

  #has({ position }: { readonly position: string }): boolean | undefined {
    return isWithin(position, this.#position ?? "");
  }

  #add(message: Message<Content>): void {
    this.#queue.push(this.#gap ? { ...message, gap: this.#gap } : message);
    this.#gap = undefined;
    this.#position = message.position;
    this.#wake();
  }
}

/** What came, with its bytes as they were before they became base64. */
export function decode<Decoded>(carrier: Carrier): Decoded {
  const { bytes } = carrier;
  return { ...carrier, ...(bytes != null && { bytes: toBytes(atob(bytes)) }) } as Decoded;
}

/** The codes of signs below 256. */
export function toBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (sign) => sign.charCodeAt(0));
}
