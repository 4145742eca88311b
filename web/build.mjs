// Builds the page into the Python package, where `unmask serve` finds it; with --package into dist, for npm.
// The first line of the result holds a hash of the sources, by which a test sees whether it is up to date.

import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const LIMIT = 30_000; // bytes
const source = new URL("src/", import.meta.url);

function sources(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`)
    .map((path) => path.replace(/\/+/g, "/"))
    .sort();
}

const hash = createHash("sha256");
for (const path of sources(source.pathname)) hash.update(readFileSync(path));

const minifyCss = {
  name: "css",
  setup(builder) {
    builder.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const made = await build({ entryPoints: [path], minify: true, write: false });
      return { contents: made.outputFiles[0].text.trim(), loader: "text" };
    });
  },
};

const target = process.argv.includes("--package") ? "dist" : "../src/unmask/serve/static";
const languages = readdirSync(new URL("languages/", source)).map((name) => name.replace(".json", ""));
const besides = languages.filter((tag) => tag !== "en");
const result = await build({
  absWorkingDir: new URL(".", import.meta.url).pathname,
  entryPoints: ["src/index.ts"],
  outfile: `${target}/unmask.js`,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  banner: { js: `// unmask, Apache-2.0; sources ${hash.digest("hex")}` },
  define: { LANGUAGES: JSON.stringify(besides) },
  plugins: [minifyCss],
  metafile: true,
});
const { bytes } = Object.values(result.metafile.outputs)[0];
console.log(`${target}/unmask.js: ${bytes} bytes`);
const folder = new URL(`${target}/languages/`, import.meta.url);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const tag of besides) {
  const texts = JSON.parse(readFileSync(new URL(`languages/${tag}.json`, source), "utf8"));
  writeFileSync(new URL(`${tag}.json`, folder), `${JSON.stringify(texts)}\n`);
}
if (target === "dist") copyFileSync(new URL("../LICENSE", import.meta.url), new URL("dist/LICENSE", import.meta.url));
if (bytes >= LIMIT) {
  console.error(`that is ${LIMIT} or more`);
  process.exit(1);
}
