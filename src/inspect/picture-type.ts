import type { Icon } from "./inspection.ts";

const PNG = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");

/** The kind of picture by its first bytes, for those that browsers show and that run nothing; undefined for all others. */
export function pictureType(bytes: Buffer): Icon["contentType"] | undefined {
  if (bytes.subarray(0, 8).equals(PNG)) return "image/png";
  const isWebp = bytes.toString("latin1", 0, 4) === "RIFF" && bytes.toString("latin1", 8, 12) === "WEBP";
  return isWebp ? "image/webp" : undefined;
}
