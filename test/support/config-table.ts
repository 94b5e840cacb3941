/** The manual's table of configuration keys: `bun test/support/config-table.ts` prints it. */

import { flagOf, keyNames, keyOf, variableOf } from "../../src/config-keys.ts";

/** The table in Markdown: a heading, a rule, and one row a key, each without a line break. */
export function createConfigTable(): string[] {
  const rows = keyNames.map((name) => {
    const { kind, default: text, unset, help } = keyOf(name);
    const usual = text === null ? unset : `\`${text}\``;
    return `| \`${flagOf(name)}\` | \`${variableOf(name)}\` | ${usual} | ${kind.accepts} | ${help} |`;
  });
  return [
    "| flag | variable | default | accepts | what it does |",
    "|---|---|---|---|---|",
    ...rows,
  ];
}

if (import.meta.main) console.log(createConfigTable().join("\n"));
