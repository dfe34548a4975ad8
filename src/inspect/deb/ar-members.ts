import type { RandomAccess } from "../../base/random-access.ts";
import { readUpTo } from "../bytes.ts";
import type { Compression } from "../formats.ts";
import { UnreadableError } from "../unreadable.ts";

const AR_MAGIC_BYTES = 8;
const HEADER_BYTES = 60;
/** A package has three members and a few signatures; an archive of empty ones could have millions. */
const MAX_MEMBERS = 16;

export interface ArMember {
  readonly name: string;
  /** Where its content begins. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/**
 * The members of an ar archive, in the order of the file. They end with the file, or with `problem`: a header that is cut off or none,
 * a member that reaches beyond the end (it is among them), or more members than are read.
 */
export async function readArMembers(bytes: RandomAccess): Promise<{
  readonly members: readonly ArMember[];
  readonly problem: UnreadableError | null;
}> {
  const members: ArMember[] = [];
  let offset = AR_MAGIC_BYTES;
  while (offset < bytes.sizeBytes) {
    if (members.length === MAX_MEMBERS) {
      const message = `The package has more than the ${MAX_MEMBERS} members that are read.`;
      return { members, problem: new UnreadableError("limit", message) };
    }
    const header = await readUpTo(bytes, offset, HEADER_BYTES);
    const member = parseHeader(header, offset);
    if (member instanceof UnreadableError) return { members, problem: member };
    members.push(member);
    const stop = member.offset + member.sizeBytes;
    if (stop > bytes.sizeBytes) {
      const message = `The package ends within its member ${member.name}.`;
      return { members, problem: new UnreadableError("truncated", message, member.name) };
    }
    // Members start at even places.
    offset = stop + (stop % 2);
  }
  return { members, problem: null };
}

/** ar(5): name 16 bytes, time 12, owner 6, group 6, mode 8, size 10 in decimal, then "`\n". */
function parseHeader(header: Buffer, offset: number): ArMember | UnreadableError {
  if (header.length < HEADER_BYTES) {
    return new UnreadableError("truncated", "The package ends within the header of a member.");
  }
  const size = header.toString("latin1", 48, 58).trimEnd();
  if (header.toString("latin1", 58) !== "`\n" || !/^\d+$/.test(size)) {
    return new UnreadableError(
      "damaged",
      `The package has no member where one should begin (byte ${offset}).`,
    );
  }
  const name = header.toString("latin1", 0, 16).trimEnd().replace(/\/$/, "");
  return { name, offset: offset + HEADER_BYTES, sizeBytes: Number(size) };
}

const compressions: ReadonlyMap<string, Compression> = new Map([
  ["", "none"],
  [".gz", "gzip"],
  [".xz", "xz"],
  [".zst", "zstd"],
  [".bz2", "bzip2"],
]);

/** An archive inside of the package. */
export interface PackedMember extends ArMember {
  readonly compression: Compression;
}

/**
 * Finds the control archive. deb(5): "The second required member is named control.tar", optionally with .gz, .xz or .zst; members
 * that may be inserted before it "will have names starting with an underscore".
 */
export function findControlMember(members: readonly ArMember[]): PackedMember | undefined {
  const second = members.slice(1).find(({ name }) => !name.startsWith("_"));
  return members[0]?.name === "debian-binary" && second ? packed(second, "control.tar") : undefined;
}

/** Finds the data archive, deb(5)'s third required member. */
export function findDataMember(members: readonly ArMember[]): PackedMember | undefined {
  const required = members.filter(({ name }) => !name.startsWith("_"));
  return required[2] && packed(required[2], "data.tar");
}

function packed(member: ArMember, stem: string): PackedMember | undefined {
  if (!member.name.startsWith(stem)) return undefined;
  const compression = compressions.get(member.name.slice(stem.length));
  return compression && { ...member, compression };
}
