import { hasBytes } from "./magic.ts";

/** [what it is, where its bytes stand, the bytes as hex]; the first that fits names the file. */
const binaryKinds: ReadonlyArray<readonly [name: string, offset: number, hex: string]> = [
  ["a zip archive", 0, "504b0304"],
  ["a zip archive without entries", 0, "504b0506"],
  ["gzip data", 0, "1f8b"],
  ["xz data", 0, "fd377a585a00"],
  ["zstd data", 0, "28b52ffd"],
  ["bzip2 data", 0, "425a68"],
  ["a 7z archive", 0, "377abcaf271c"],
  ["a tar archive", 257, "7573746172"],
  ["a Debian package", 0, "213c617263683e0a64656269616e2d62696e617279"],
  ["an ar archive", 0, "213c617263683e0a"],
  ["an rpm package", 0, "edabeedb"],
  ["a xar archive", 0, "78617221"],
  ["a compound file (msi, old Office)", 0, "d0cf11e0a1b11ae1"],
  ["an AppImage", 8, "414901"],
  ["an AppImage", 8, "414902"],
  ["an ELF program", 0, "7f454c46"],
  ["a Windows or DOS program", 0, "4d5a"],
  ["a Mach-O program", 0, "cffaedfe"],
  ["a Mach-O program", 0, "cefaedfe"],
  ["a Mach-O universal program or Java class", 0, "cafebabe"],
  ["a PNG image", 0, "89504e470d0a1a0a"],
  ["a JPEG image", 0, "ffd8ff"],
  ["a GIF image", 0, "47494638"],
  ["a PDF document", 0, "255044462d"],
  ["zero bytes", 0, "00".repeat(16)],
];

/** Texts that arrive in place of a file: an error page, an API's refusal, a pointer that was never fetched. */
const textKinds: ReadonlyArray<readonly [name: string, pattern: RegExp]> = [
  ["a Git LFS pointer, not the file itself", /^version https:\/\/git-lfs/],
  ["an HTML page", /^<(!doctype html|html|head|body|script)/i],
  ["an SVG image", /^<svg/i],
  ["an XML document", /^<\?xml/],
  ["a script", /^#!/],
  ["JSON text", /^[{[]\s*(["{}[\]\d-]|true|false|null)/],
];

/** Names what the leading bytes look like, as the rest of "it looks like …". */
export function looksLike(head: Buffer): string {
  const binary = binaryKinds.find(([, offset, hex]) => hasBytes(head, offset, hex));
  if (binary) return binary[0];
  const text = head.toString("latin1").replace(/^\xef\xbb\xbf/, "");
  const known = textKinds.find(([, pattern]) => pattern.test(text.trimStart()));
  if (known) return known[0];
  const isText = /^[\t\n\r\x20-\x7e]+$/.test(text);
  return isText ? "plain text" : "data of an unknown kind";
}
