/** Lets a script for Redis be imported as its text. */
declare module "*.lua" {
  const lua: string;
  // biome-ignore lint/style/noDefaultExport: the form in which Bun imports text.
  export default lua;
}
