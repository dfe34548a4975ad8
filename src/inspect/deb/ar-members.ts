import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly } from "../bytes.ts";
import type { Compression } from "../formats.ts";

const arMagicBytes = 8;
const memberHeaderBytes = 60;

/** How many members may stand before the control archive: debian-binary and a few that start with an underscore. */
const memberLimit = 16;

export interface ControlMember {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly compression: Compression;
}

const compressionByName: ReadonlyMap<string, Compression> = new Map([
  ["control.tar", "none"],
  ["control.tar.gz", "gzip"],
  ["control.tar.xz", "xz"],
  ["control.tar.zst", "zstd"],
]);

/**
 * Finds the control archive among a Debian package's ar members. deb(5): "The second required member is named control.tar", optionally
 * with .gz, .xz or .zst; members that may be inserted before it "will have names starting with an underscore".
 * Undefined when it is not there or a header on the way is damaged.
 */
export async function findControlMember(bytes: RandomAccess): Promise<ControlMember | undefined> {
  let offset = arMagicBytes;
  for (let index = 0; index < memberLimit; index += 1) {
    const header = await readExactly(bytes, offset, memberHeaderBytes);
    if (!header || header.toString("latin1", 58) !== "`\n") return undefined;
    const name = header.toString("latin1", 0, 16).trimEnd().replace(/\/$/, "");
    const size = header.toString("latin1", 48, 58).trimEnd();
    if (!/^\d+$/.test(size)) return undefined;
    const sizeBytes = Number(size);
    const compression = compressionByName.get(name);
    if (compression) return { offset: offset + memberHeaderBytes, sizeBytes, compression };
    if (name !== "debian-binary" && !name.startsWith("_")) return undefined;
    // Members start at even places.
    offset += memberHeaderBytes + sizeBytes + (sizeBytes % 2);
  }
  return undefined;
}
