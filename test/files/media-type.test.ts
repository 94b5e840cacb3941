import { expect, test } from "bun:test";
import { toMediaType } from "../../src/files/media-type.ts";

test.each([
  ["a.txt", "text/plain;charset=utf-8"],
  ["A.TXT", "text/plain;charset=utf-8"],
  ["a.html", "text/html;charset=utf-8"],
  ["a.css", "text/plain;charset=utf-8"],
  ["a.csv", "text/csv;charset=utf-8"],
  ["a.md", "text/markdown;charset=utf-8"],
  ["a.js", "text/plain;charset=utf-8"],
  ["a.MJS", "text/plain;charset=utf-8"],
  ["a.es", "text/plain;charset=utf-8"],
  ["a.ts", "text/plain;charset=utf-8"],
  ["a.json", "application/json;charset=utf-8"],
  ["a.svg", "image/svg+xml"],
  ["a.xml", "application/xml"],
  ["a.png", "image/png"],
  ["a.jpeg", "image/jpeg"],
  ["a.mp4", "video/mp4"],
  ["a.pdf", "application/pdf"],
  ["a.tar.gz", "application/gzip"],
  ["a.wasm", "application/wasm"],
  ["README", "application/octet-stream"],
  ["a.", "application/octet-stream"],
  ["a.unheardof", "application/octet-stream"],
  ["a.constructor", "application/octet-stream"],
  ["a.имя", "application/octet-stream"],
])("%p is %p", (name, type) => {
  expect(toMediaType(name)).toBe(type);
});
