/** Lets a schema step be imported as its text. */
declare module "*.sql" {
  const sql: string;
  // biome-ignore lint/style/noDefaultExport: the form in which Bun imports text.
  export default sql;
}
