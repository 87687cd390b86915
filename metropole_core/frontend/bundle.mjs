// One way to build the front end of every package: bundle, hash, compress, name the licences.
//
// The result is a folder of files whose names carry a hash of their content, `manifest.json`
// ({entry: {file, css}}), `.gz` and `.br` neighbours of whatever shrinks, and
// `THIRD-PARTY.txt` with the licence of each package that went into it.

import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { build } from "esbuild";

const COMPRESSED = new Set([".js", ".css", ".svg"]);
const COMPRESS_FROM = 1024; // bytes; below this a compressed file saves no packet

/**
 * Build entry points into a folder.
 *
 * @param {object} options
 * @param {string} options.folder the package's folder; entries and `out` are relative to it
 * @param {string[]} options.entries as the manifest names them ("src/main.ts")
 * @param {string} options.out the folder to make; what was in it is replaced at once
 */
export async function bundle({ folder, entries, out }) {
  const target = resolve(folder, out);
  const made = `${target}.new`;
  await rm(made, { recursive: true, force: true });
  await mkdir(made, { recursive: true });
  const result = await build({
    absWorkingDir: folder,
    entryPoints: entries,
    outdir: made,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    minify: true,
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    assetNames: "[name]-[hash]",
    loader: { ".woff2": "file", ".svg": "text" },
    metafile: true,
    legalComments: "linked",
    logLevel: "warning",
  });
  const { outputs, inputs } = result.metafile;
  const manifest = {};
  for (const [file, output] of Object.entries(outputs)) {
    if (!output.entryPoint || !entries.includes(output.entryPoint)) continue;
    manifest[output.entryPoint] = {
      file: basename(file),
      ...(output.cssBundle && { css: [basename(output.cssBundle)] }),
    };
  }
  await writeFile(join(made, "manifest.json"), `${JSON.stringify(manifest, null, 1)}\n`);
  await writeNotices(made, folder, Object.keys(inputs));
  await compress(made);
  await rm(target, { recursive: true, force: true });
  await rename(made, target);
  report(relative(folder, target), outputs);
}

async function compress(folder) {
  for (const name of await readdir(folder)) {
    if (!COMPRESSED.has(extname(name))) continue;
    const body = await readFile(join(folder, name));
    if (body.length < COMPRESS_FROM) continue;
    const brotli = await promisify(brotliCompress)(body, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11 },
    });
    await writeFile(join(folder, `${name}.br`), brotli);
    await writeFile(join(folder, `${name}.gz`), await promisify(gzip)(body, { level: 9 }));
  }
}

// Licences ask to travel with the code; minified bundles keep only the comments marked legal.
async function writeNotices(out, folder, inputs) {
  const packages = new Set();
  for (const input of inputs) {
    const at = input.lastIndexOf("node_modules/");
    if (at < 0) continue;
    const rest = input.slice(at + "node_modules/".length).split("/");
    const name = rest[0].startsWith("@") ? `${rest[0]}/${rest[1]}` : rest[0];
    packages.add(resolve(folder, input.slice(0, at), "node_modules", name));
  }
  const texts = [];
  for (const path of [...packages].sort()) {
    const { name, version, license } = JSON.parse(await readFile(join(path, "package.json")));
    const file = (await readdir(path)).find((f) => /^(licen[cs]e|copying)/i.test(f));
    if (!file) throw new Error(`${name} ships no licence text`);
    const text = await readFile(join(path, file), "utf8");
    texts.push(`${name} ${version} (${license})\n\n${text.trim()}\n`);
  }
  if (texts.length > 0) {
    await writeFile(join(out, "THIRD-PARTY.txt"), texts.join(`\n${"-".repeat(78)}\n\n`));
  }
}

function report(out, outputs) {
  const size = Object.entries(outputs)
    .filter(([file]) => COMPRESSED.has(extname(file)))
    .reduce((sum, [, output]) => sum + output.bytes, 0);
  const name = dirname(out).split("/").at(-2) ?? out;
  console.log(`${name.replace("..", "metropole_core")}: ${Math.round(size / 1024)} kB`);
}
