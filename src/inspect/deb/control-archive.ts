const blockBytes = 512;

/**
 * The file `control` of an unpacked control archive (tar, as deb(5) allows it), as text. Where it stands twice the last one counts,
 * as it does for dpkg, which unpacks over. Undefined when there is none or it is cut off.
 */
export function findControlFile(archive: Buffer): string | undefined {
  let found: string | undefined;
  for (let offset = 0; offset + blockBytes <= archive.length;) {
    const header = archive.subarray(offset, offset + blockBytes);
    const sizeText = header
      .toString("latin1", 124, 136)
      .replace(/[\0 ]+$/, "")
      .trimStart();
    // A zero block ends the archive; sizes are octal (the base-256 form is for files over 8 GiB).
    if (header[0] === 0 || !/^[0-7]+$/.test(sizeText)) break;
    const sizeBytes = Number.parseInt(sizeText, 8);
    const start = offset + blockBytes;
    if (start + sizeBytes > archive.length) break;
    const name = header.toString("latin1", 0, 100).replace(/\0.*$/s, "");
    const isFile = header[156] === 0 || header[156] === 0x30;
    if (isFile && (name === "./control" || name === "control")) {
      found = archive.toString("utf8", start, start + sizeBytes);
    }
    offset = start + Math.ceil(sizeBytes / blockBytes) * blockBytes;
  }
  return found;
}

/** The value of a field (lower-case name) in the first paragraph. deb822(5): "Field names are not case-sensitive". */
export function controlField(control: string, field: string): string | undefined {
  for (const line of control.split("\n")) {
    if (line.trim() === "") return undefined;
    const colon = line.indexOf(":");
    if (colon > 0 && line.slice(0, colon).toLowerCase() === field) return line.slice(colon + 1).trim();
  }
  return undefined;
}
