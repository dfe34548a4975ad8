import type { RandomAccess } from "../../base/random-access.ts";
import { ByteReader } from "../byte-reader.ts";
import type { Icon } from "../inspection.ts";
import type { PeHeaders } from "./pe-headers.ts";
import { readResource, resourceType } from "./pe-resources.ts";

const MAX_GROUP_BYTES = 64 * 1024;
const MAX_ICON_BYTES = 1024 * 1024;
/** Real ones have some ten sizes. */
const MAX_ICONS = 100;
const PNG = "89504e470d0a1a0a";

/**
 * The largest picture of the program's first icon, when it is a PNG: those of 256 by 256 are. Others are bitmaps without a header of
 * their own and are not kept. Throws `UnreadableError`.
 */
export async function readProgramIcon(bytes: RandomAccess, headers: PeHeaders): Promise<Icon | undefined> {
  const group = await readResource(bytes, headers, resourceType.iconGroup, MAX_GROUP_BYTES);
  if (group === undefined) return undefined;
  // GRPICONDIR: reserved, type, count; GRPICONDIRENTRY: width, height, colours, reserved, planes, bits, bytes, id.
  const reader = new ByteReader(group, "icon").skip(4);
  const count = Math.min(reader.u16le(), MAX_ICONS);
  const entries = Array.from({ length: count }, () => {
    const entry = reader.part(14);
    // 0 stands for 256.
    const width = entry.u8() || 256;
    return { width, id: entry.skip(11).u16le() };
  });
  for (const { id } of entries.toSorted((a, b) => b.width - a.width)) {
    const icon = await readResource(bytes, headers, resourceType.icon, MAX_ICON_BYTES, id);
    if (icon?.toString("hex", 0, 8) === PNG) return { contentType: "image/png", bytes: Buffer.from(icon) };
  }
  return undefined;
}
