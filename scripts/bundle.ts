/**
 * Puts each program in `build/main` into a few files with all that it loads: finding and reading a thousand small modules
 * takes longer than everything else a start does. What a program loads later stays in files of its own. The library in
 * `build` stays as it was compiled.
 */
import { fileURLToPath } from "node:url";

import { build, type Plugin } from "esbuild";

const main = fileURLToPath(new URL("../build/main/", import.meta.url));

/** Zod's messages in fifty languages are a quarter of the server's code, and none of them is ever shown. */
const withoutLocales: Plugin = {
  name: "without-locales",
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /\/locales\/index\.js$/ }, ({ importer }) =>
      /[/\\]zod[/\\]/.test(importer) ? { path: "zod-locales", namespace: "empty" } : undefined,
    );
    onLoad({ filter: /./, namespace: "empty" }, () => ({ contents: "export {};" }));
  },
};

/** What browsers load: scripts for them, and a stylesheet with its fonts, whose names have their digest. */
await build({
  entryPoints: ["console.ts", "console.css"].map((name) =>
    fileURLToPath(new URL(`../src/browser/${name}`, import.meta.url)),
  ),
  outdir: fileURLToPath(new URL("../build/browser/", import.meta.url)),
  bundle: true,
  minify: true,
  format: "iife",
  target: ["chrome123", "firefox121", "safari17.5"],
  loader: { ".woff2": "file" },
  assetNames: "[name]-[hash]",
  logLevel: "warning",
});

await build({
  entryPoints: [
    ...["dist", "artifactstore", "distd", "worker"].map((name) => ({ in: `${main}${name}.js`, out: name })),
    // A thread's program, which is looked for beside the file that starts it.
    { in: `${main}../inspect/isolate/inspect-worker.js`, out: "inspect-worker" },
    { in: `${main}../blob/s3/hash-worker.js`, out: "hash-worker" },
  ],
  outdir: main,
  allowOverwrite: true,
  chunkNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node26",
  plugins: [withoutLocales],
  // Native code stays where its package is; the other is an option of `pg` that nobody installs.
  external: ["@napi-rs/blake-hash", "pg-native"],
  // Some packages are CommonJS, and ask for Node's own modules by `require`.
  banner: {
    js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
  },
  logLevel: "warning",
});
