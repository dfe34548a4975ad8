import { spawnSync } from "node:child_process";

/** What a property list can be made of here. */
export type Plist =
  | string
  | number
  | boolean
  | Date
  | Uint8Array
  | readonly Plist[]
  | { readonly [key: string]: Plist };

/** A property list in XML. */
export function xmlPlist(value: Plist): Buffer {
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n<plist version="1.0">${element(value)}</plist>\n`,
  );
}

/** The same in binary, as plistutil (Debian `libplist-utils`) makes it. */
export function binaryPlist(value: Plist): Buffer {
  const { status, stdout } = spawnSync("plistutil", ["-i", "-", "-o", "-", "-f", "bin"], {
    input: xmlPlist(value),
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error("plistutil cannot make this list.");
  return stdout;
}

function element(value: Plist): string {
  if (typeof value === "string") return `<string>${escape(value)}</string>`;
  if (typeof value === "number")
    return Number.isInteger(value) ? `<integer>${value}</integer>` : `<real>${value}</real>`;
  if (typeof value === "boolean") return `<${value}/>`;
  if (value instanceof Date) return `<date>${value.toISOString().slice(0, 19)}Z</date>`;
  if (value instanceof Uint8Array) return `<data>${Buffer.from(value).toString("base64")}</data>`;
  if (Array.isArray(value)) return `<array>${value.map(element).join("")}</array>`;
  const entries = Object.entries(value as { readonly [key: string]: Plist });
  return `<dict>${entries.map(([key, item]) => `<key>${escape(key)}</key>${element(item)}`).join("")}</dict>`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
