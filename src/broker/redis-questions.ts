/** Asks all nodes something, and waits for those that heard it. */

import { PartylineError } from "../protocol/errors.ts";
import { isId, type RedisControl, toControlText } from "./redis-control.ts";
import type { RedisLink } from "./redis-link.ts";

interface Question {
  /** Nodes that heard it; Infinity until that is known. */
  hearers: number;
  answers: number;
  readonly resolve: (answer: unknown) => void;
}

/** Who asked, as it stands in what was told. */
interface Sender {
  readonly node?: unknown;
  readonly question?: unknown;
}

/** Milliseconds that the nodes have to answer. */
const answerMs = 1_000;

/** Each question has a number; what is told names it and the node that asks. */
export class RedisQuestions {
  readonly #link: RedisLink;
  readonly #control: RedisControl;
  readonly #open = new Map<string, Question>();
  #asked = 0;

  constructor(link: RedisLink, control: RedisControl) {
    this.#link = link;
    this.#control = control;
    control.on("answer", (value) => this.#hear(value));
  }

  /**
   * Asks. `tell` tells all nodes, with the names of this node and of the question, and resolves to how
   * many heard. Resolves to the first answer that is not null, and to null once all answers are.
   * @throws unavailable when the nodes cannot be told, or have not all answered in time
   */
  async ask(tell: (sender: Required<Sender>) => Promise<unknown>): Promise<unknown> {
    this.#asked += 1;
    const question = `${this.#asked}`;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const asked: Question = { hearers: Number.POSITIVE_INFINITY, answers: 0, resolve };
    this.#open.set(question, asked);
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      asked.hearers = Number(await tell({ node: this.#link.node, question }));
      settle(asked);
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(silent(asked)), answerMs);
      });
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
      this.#open.delete(question);
    }
  }

  /** Whether this node asks: it has looked at itself before, and says so with a null. */
  isOwn({ node, question }: Sender): boolean {
    if (node !== this.#link.node) return false;
    this.#hear({ node, question, answer: null });
    return true;
  }

  /** Answers whoever asked; null is that this node knows of nothing. */
  answer({ node, question }: Sender, answer: unknown): void {
    if (!isId(node) || !isId(question)) return;
    const text = toControlText("answer", { node, question, answer });
    this.#link.send("PUBLISH", [this.#control.channel, text]).catch(() => {}); // It waits a second.
  }

  #hear(value: unknown): void {
    const { node, question, answer } = (value ?? {}) as Sender & { answer?: unknown };
    const asked = node === this.#link.node && this.#open.get(String(question));
    if (!asked) return;
    asked.answers += 1;
    if (answer !== null && answer !== undefined) asked.resolve(answer);
    else settle(asked);
  }
}

/** Ends a question to which all have answered, and none knew of anything. */
function settle({ hearers, answers, resolve }: Question): void {
  if (answers >= hearers) resolve(null);
}

function silent({ hearers, answers }: Question): PartylineError {
  const text = `${hearers - answers} of ${hearers} nodes did not answer in time.`;
  return new PartylineError("unavailable", text, answerMs);
}
