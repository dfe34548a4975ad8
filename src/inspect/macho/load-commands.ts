import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";
import { LC_BUILD_VERSION, minimumPlatform, platformName, versionText } from "./macho-platform.ts";

/** A part of a program, counted from where the program begins. */
export interface Extent {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** What a program's load commands say. */
export interface LoadCommands {
  /** "macOS", "iOS", …; null when no command names it. */
  readonly platform: string | null;
  readonly minOs: string | null;
  readonly sdk: string | null;
  readonly signature: Extent | null;
  /** True when Apple's store has encrypted it: it runs only where it was bought. */
  readonly isEncrypted: boolean;
  /** A property list inside the program (`__TEXT,__info_plist`), which command-line tools have. */
  readonly infoPlist: Extent | null;
}

/** <mach-o/loader.h>. */
const LC_SEGMENT = 0x1;
const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;
const LC_ENCRYPTION_INFO = 0x21;
const LC_ENCRYPTION_INFO_64 = 0x2c;
/** Large programs have some hundred. */
const MAX_COMMANDS = 10_000;

/** Reads `count` load commands. Throws `UnreadableError` where they contradict themselves. */
export function readLoadCommands(
  commands: Buffer,
  count: number,
  isLittle: boolean,
  where: string,
): LoadCommands {
  if (count > MAX_COMMANDS) {
    throw new UnreadableError("limit", `${where} has ${count} commands; ${MAX_COMMANDS} are read.`, where);
  }
  const found: { -readonly [Name in keyof LoadCommands]: LoadCommands[Name] } = {
    platform: null,
    minOs: null,
    sdk: null,
    signature: null,
    isEncrypted: false,
    infoPlist: null,
  };
  const reader = new ByteReader(commands, where);
  for (let index = 0; index < count; index += 1) {
    const command = u32(reader, isLittle);
    const sizeBytes = u32(reader, isLittle);
    const body = reader.part(sizeBytes - 8, where);
    const next = () => u32(body, isLittle);
    const minimum = minimumPlatform(command);
    if (command === LC_BUILD_VERSION) {
      const [platform, minOs, sdk] = [next(), next(), next()];
      // A second one is Mac Catalyst's, for what runs on macOS beside it.
      found.platform ??= platformName(platform);
      found.minOs ??= versionText(minOs);
      found.sdk ??= versionText(sdk);
    } else if (minimum !== undefined) {
      found.platform ??= minimum;
      found.minOs ??= versionText(next());
      found.sdk ??= versionText(next());
    } else if (command === LC_CODE_SIGNATURE) {
      if (found.signature !== null) throw damaged(where, "names two code signatures");
      found.signature = { offset: next(), sizeBytes: next() };
    } else if (command === LC_ENCRYPTION_INFO || command === LC_ENCRYPTION_INFO_64) {
      found.isEncrypted ||= body.skip(8).u32le() !== 0;
    } else if (command === LC_SEGMENT || command === LC_SEGMENT_64) {
      found.infoPlist ??= infoPlistOf(body, command === LC_SEGMENT_64, isLittle);
    }
  }
  return found;
}

/**
 * A segment command, behind its first two numbers:
 *
 *     0  segname[16]   vmaddr vmsize fileoff filesize (4 or 8 bytes each)   maxprot initprot nsects flags   sections:
 *     sectname[16]  segname[16]  addr size (4 or 8 bytes each)  offset align reloff nreloc flags reserved1 reserved2 (reserved3)
 */
function infoPlistOf(body: ByteReader, is64: boolean, isLittle: boolean): Extent | null {
  if (nameOf(body.bytes(16)) !== "__TEXT") return null;
  const sections = u32(body.skip(is64 ? 40 : 24), isLittle);
  body.skip(4);
  for (let index = 0; index < sections; index += 1) {
    const section = body.part(is64 ? 80 : 68);
    const isInfoPlist = nameOf(section.bytes(16)) === "__info_plist";
    section.skip(16 + (is64 ? 8 : 4));
    const sizeBytes = is64 ? u64(section, isLittle) : u32(section, isLittle);
    if (isInfoPlist) return { offset: u32(section, isLittle), sizeBytes };
  }
  return null;
}

function nameOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("latin1", 0, end === -1 ? bytes.length : end);
}

function u32(reader: ByteReader, isLittle: boolean): number {
  return isLittle ? reader.u32le() : reader.u32be();
}

function u64(reader: ByteReader, isLittle: boolean): number {
  return isLittle ? reader.u64le() : reader.u64be();
}

function damaged(where: string, problem: string): UnreadableError {
  return new UnreadableError("damaged", `${where} ${problem}.`, where);
}
