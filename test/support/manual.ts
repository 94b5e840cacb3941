/** The manual's own examples, so that tests run what readers copy. */

import { readText } from "./source-tree.ts";

/**
 * Returns the only code block of a page that is marked with a language and contains `mark`.
 * @throws when there is none, or more than one
 */
export async function readExample(page: string, language: string, mark = ""): Promise<string> {
  const text = await readText(`public/docs/${page}.md`);
  const blocks = [...text.matchAll(/^```(\S+)\n([\s\S]*?)^```$/gm)]
    .filter(([, name, body = ""]) => name === language && body.includes(mark))
    .map(([, , body = ""]) => body);
  const [block, another] = blocks;
  if (block === undefined || another !== undefined) {
    throw new Error(`${page}.md has ${blocks.length} examples of ${language} with "${mark}".`);
  }
  return block;
}

/** Puts other text in the place of some. @throws when the text to replace is not there */
export function adapt(text: string, changes: Readonly<Record<string, string>>): string {
  return Object.entries(changes).reduce((adapted, [from, to]) => {
    if (!adapted.includes(from)) throw new Error(`The example has no "${from}".`);
    return adapted.replaceAll(from, to);
  }, text);
}
