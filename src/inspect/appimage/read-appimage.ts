import type { RandomAccess } from "../../base/random-access.ts";
import { archDamaged, archRead, type ArchReading } from "../arch-reading.ts";
import { readUpTo } from "../bytes.ts";
import { ELF_START_BYTES, elfMachine, type ElfStart, parseElfStart } from "../elf/elf-header.ts";
import { type ElfSections, readElfSections } from "../elf/elf-sections.ts";
import { finding } from "../findings.ts";
import { type FormatReader, noIdentity } from "../format-reader.ts";
import type { Finding, Icon } from "../inspection.ts";
import { SquashFs } from "../squashfs/squashfs.ts";
import { readPart, UnreadableError } from "../unreadable.ts";
import { readAppImageSignature } from "./appimage-signature.ts";
import { desktopEntry } from "./desktop-entry.ts";

const MAX_ENTRY_BYTES = 64 * 1024;
const MAX_ICON_BYTES = 1024 * 1024;
const MAX_UPDATE_BYTES = 2048;
const MAX_CATEGORIES = 20;
const PNG_MAGIC = "89504e470d0a1a0a";

/**
 * An AppImage: a program with a file system behind it. Facts: `appimage_type`, `update_information` (where updates come from), `signatures`
 * (named; the key in the file proves nothing), `file_system` (compression, inodes, bytes) and the desktop entry's `name`, `version`,
 * `comment`, `icon_name`, `categories`. The icon is a PNG; SVG is not taken.
 */
export const readAppImage: FormatReader = async ({ bytes, verify }) => {
  const findings: Finding[] = [];
  const head = await readUpTo(bytes, 0, ELF_START_BYTES);
  const { start, arch } = readStart(head);
  const type = head[10] ?? 0;
  const sections =
    start && !start.isBigEndian && (await readPart(findings, () => readElfSections(bytes, start)));
  if (!sections) return { facts: { appimage_type: type }, identity: noIdentity, findings, arch };
  const signature = await readAppImageSignature(bytes, sections, verify, findings);
  const content = type === 2 ? await readContent(bytes, sections.endOffset, findings) : undefined;
  if (type === 1)
    findings.push(finding("validation.unsupported", "The content of an AppImage of type 1 is not read."));
  const entry = content?.entry ?? new Map<string, string>();
  const text = (key: string) => entry.get(key) ?? null;
  return {
    facts: {
      appimage_type: type,
      update_information: await updateInformation(bytes, sections, type),
      file_system: content?.fileSystem ?? null,
      name: text("Name"),
      version: text("X-AppImage-Version"),
      comment: text("Comment"),
      icon_name: text("Icon"),
      categories: (entry.get("Categories") ?? "").split(";").filter(Boolean).slice(0, MAX_CATEGORIES),
      signatures: signature.signatures,
    },
    identity: {
      ...noIdentity,
      version: text("X-AppImage-Version"),
      label: text("Name"),
      signers: signature.signers,
    },
    findings,
    arch,
    ...(content?.icon && { icon: content.icon }),
  };
};

function readStart(head: Buffer): { readonly start?: ElfStart; readonly arch: ArchReading } {
  try {
    const start = parseElfStart(head);
    const { native, arch } = elfMachine(start);
    return { start, arch: archRead(native, arch) };
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return { arch: archDamaged(error.message) };
  }
}

/** Where the updates come from: a section of type 2; in type 1 the place that ISO 9660 leaves to applications. */
async function updateInformation(
  bytes: RandomAccess,
  { byName }: ElfSections,
  type: number,
): Promise<string | null> {
  const section = type === 1 ? { offset: 33651, sizeBytes: 512 } : byName.get(".upd_info");
  if (!section) return null;
  const content = await readUpTo(bytes, section.offset, Math.min(section.sizeBytes, MAX_UPDATE_BYTES));
  const text = content.toString("utf8").split("\0", 1)[0]!.trim();
  return text === "" ? null : text;
}

interface Content {
  readonly fileSystem: Record<string, unknown>;
  readonly entry: ReadonlyMap<string, string> | undefined;
  readonly icon: Icon | undefined;
}

async function readContent(
  bytes: RandomAccess,
  offset: number,
  findings: Finding[],
): Promise<Content | undefined> {
  const findingsBefore = findings.length;
  const squashFs = await readPart(findings, () => SquashFs.open(bytes, offset));
  if (!squashFs) {
    if (findings.length === findingsBefore) {
      const message =
        "The AppImage has no squashfs behind its program: what it is and its name are not known.";
      findings.push(finding("validation.manifest_missing", message));
    }
    return undefined;
  }
  const { compression, inodeCount, usedBytes } = squashFs.superblock;
  if (offset + usedBytes > bytes.sizeBytes) {
    const message = `The file ends after ${bytes.sizeBytes - offset} of the ${usedBytes} bytes of its file system.`;
    findings.push(finding("validation.truncated", message));
    return {
      fileSystem: { compression, inodes: inodeCount, size_bytes: usedBytes },
      entry: undefined,
      icon: undefined,
    };
  }
  const entry = await readPart(findings, () => readEntry(squashFs, findings));
  return {
    fileSystem: { compression, inodes: inodeCount, size_bytes: usedBytes },
    entry,
    icon: await readPart(findings, () => readIcon(squashFs, entry?.get("Icon"))),
  };
}

async function readEntry(
  squashFs: SquashFs,
  findings: Finding[],
): Promise<ReadonlyMap<string, string> | undefined> {
  const name = (await squashFs.rootNames()).find((one) => one.endsWith(".desktop"));
  const content = name === undefined ? undefined : await squashFs.readFile(name, MAX_ENTRY_BYTES);
  if (content === undefined) {
    findings.push(finding("validation.manifest_missing", "The AppImage has no desktop entry at its root."));
    return undefined;
  }
  return desktopEntry(content.toString("utf8"));
}

/** `.DirIcon`, or else the icon that the desktop entry names. */
async function readIcon(squashFs: SquashFs, iconName: string | undefined): Promise<Icon | undefined> {
  for (const path of [".DirIcon", ...(iconName === undefined ? [] : [`${iconName}.png`])]) {
    const bytes = await squashFs.readFile(path, MAX_ICON_BYTES);
    if (bytes?.toString("hex", 0, 8) === PNG_MAGIC) return { contentType: "image/png", bytes };
  }
  return undefined;
}
