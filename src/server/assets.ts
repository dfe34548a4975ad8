import { hash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { Hono } from "hono";
import { etag } from "hono/etag";

import type { ServerEnv } from "./server-context.ts";

/** Where the build puts what browsers load: the same from the sources and from a program in `build/main`. */
const directory = fileURLToPath(new URL("../../build/browser/", import.meta.url));

const types: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  woff2: "font/woff2",
};

interface Asset {
  readonly body: Buffer<ArrayBuffer>;
  readonly type: string;
  readonly version: string;
}

let loaded: ReadonlyMap<string, Asset> | undefined;

/** Read once, when first asked for: commands that serve nothing never do. */
function assets(): ReadonlyMap<string, Asset> {
  loaded ??= new Map(
    readdirSync(directory).flatMap((name) => {
      const type = types[name.slice(name.lastIndexOf(".") + 1)];
      if (type === undefined) return [];
      const body = readFileSync(`${directory}${name}`);
      return [[name, { body, type, version: hash("sha256", body, "hex").slice(0, 16) }] as const];
    }),
  );
  return loaded;
}

/** The address of a stylesheet or script of ours: another content, another address. Fails where the product was not built. */
export function assetPath(name: "console.css" | "console.js"): string {
  const asset = assets().get(name);
  if (asset === undefined) throw new Error(`${name} is not in ${directory}: the product was not built`);
  return `/assets/${name}?v=${asset.version}`;
}

/** Serves the console's stylesheet, its script and its fonts. Their addresses name their content, so they are kept for ever. */
export function mountAssets(app: Hono<ServerEnv>): void {
  app.get("/assets/:name", etag(), async (c, next) => {
    const asset = assets().get(c.req.param("name"));
    if (asset === undefined) return next();
    // The build puts a digest in the names of fonts.
    const isExact = c.req.query("v") === asset.version || asset.type === types["woff2"];
    return c.body(asset.body, 200, {
      "Content-Type": asset.type,
      "Cache-Control": isExact ? "public, max-age=31536000, immutable" : "no-cache",
      "X-Content-Type-Options": "nosniff",
    });
  });
}
