/** Sends signals to the other nodes: nobody keeps them. */

import type { Body } from "../hub/message.ts";
import type { Sender } from "../protocol/frame.ts";
import type { RedisLink } from "./redis-link.ts";
import { encodeSignalNews } from "./redis-peer-news.ts";

/** Signals under way. What comes beyond is not told: Redis is behind. */
const underWayMax = 1_000;

export class PeerSignals {
  readonly #link: RedisLink;
  readonly #onFailure: (thrown: unknown) => void;
  #underWay = 0;

  /** `onFailure` hears why one was not sent. */
  constructor(link: RedisLink, onFailure: (thrown: unknown) => void) {
    this.#link = link;
    this.#onFailure = onFailure;
  }

  /** Sends one to whoever hears a channel. */
  send(channel: string, from: Sender, body: Body): void {
    if (this.#underWay === underWayMax) return;
    this.#underWay += 1;
    const text = encodeSignalNews(this.#link.node, from, body);
    const sent = this.#link.send("PUBLISH", [channel, text]);
    sent.catch(this.#onFailure).finally(() => {
      this.#underWay -= 1;
    });
  }
}
