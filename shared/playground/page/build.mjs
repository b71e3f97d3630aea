// Puts the page together: one file, which works wherever it is opened from, and which its own policy keeps from
// every network.
//
//   node build.mjs <folder of wasm-bindgen> <version> <file to write>
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const [folder, version, output] = process.argv.slice(2);
const part = (name) => readFileSync(new URL(name, import.meta.url), "utf8");
const parts = {
  STYLE: part("page.css"),
  SCRIPT: part("page.js"),
  GLUE: readFileSync(`${folder}/playground.js`, "utf8"),
  MODULE: gzipSync(readFileSync(`${folder}/playground_bg.wasm`), { level: 9 }).toString("base64"),
  VERSION: version,
};
for (const name of ["SCRIPT", "GLUE"]) {
  if (parts[name].includes("</script")) throw new Error(`${name} would end its element`);
}
const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
parts.POLICY = [
  "default-src 'none'",
  `script-src 'wasm-unsafe-eval' ${hash(parts.GLUE)} ${hash(parts.SCRIPT)}`,
  `style-src ${hash(parts.STYLE)}`,
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");
const page = part("page.html").replace(/\{\{([A-Z]+)\}\}/g, (_, name) => parts[name]);
writeFileSync(output, page);
console.log(`${output}: ${Math.round(page.length / 1024)} KiB`);
