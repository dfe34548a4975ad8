import { digestOf } from "../cms/algorithms.ts";
import { type BerNode, damaged, encodeDer, readBer, tags } from "../cms/ber.ts";
import { octetsOf, oidOf } from "../cms/ber-values.ts";
import type { CmsMessage } from "../cms/signed-data.ts";

/** SPC_INDIRECT_DATA_OBJID */
const SPC_INDIRECT_DATA = "1.3.6.1.4.1.311.2.1.4";
const MAX_TEXT_BYTES = 2_000;

/** What an Authenticode signature is over: a kind of file and its digest. */
export interface SpcIndirectData {
  /** The object identifier of the kind of file. */
  readonly kind: string;
  /** As `node:crypto` names it, or an object identifier for one that is not known. */
  readonly digestAlgorithm: string;
  /** For most files the digest itself; for app packages several with their names, see `../msix`. */
  readonly digest: Buffer;
}

/**
 * The content of an Authenticode signature ("Windows Authenticode Portable Executable Signature Format", SpcIndirectDataContent):
 * `SEQUENCE { data SEQUENCE { type OID, value [0] EXPLICIT }, messageDigest SEQUENCE { digestAlgorithm, digest OCTET STRING } }`.
 * Throws `UnreadableError`.
 */
export function readSpcIndirectData({ contentType, content }: CmsMessage): SpcIndirectData {
  if (contentType !== SPC_INDIRECT_DATA || content === null) throw damaged("is none of a Windows program");
  const [data, messageDigest] = readBer(encodeDer(tags.sequence, content)).children();
  const [kind] = data?.expect(tags.sequence).children() ?? [];
  const [algorithm, digest] = messageDigest?.expect(tags.sequence).children() ?? [];
  if (kind === undefined || algorithm === undefined || digest === undefined) {
    throw damaged("does not say what it signs");
  }
  return { kind: oidOf(kind), digestAlgorithm: digestOf(algorithm), digest: octetsOf(digest) };
}

/** What the signer calls the program and where more of it stands, from the SpcSpOpusInfo attribute. */
export interface ProgramInfo {
  readonly name: string | null;
  readonly url: string | null;
}

/** `SpcSpOpusInfo ::= SEQUENCE { programName [0] EXPLICIT SpcString OPTIONAL, moreInfo [1] EXPLICIT SpcLink OPTIONAL }`. Throws `UnreadableError`. */
export function readProgramInfo(encoded: Buffer): ProgramInfo {
  const fields = readBer(encoded).expect(tags.sequence).children();
  const inside = (tag: number) => fields.find((field) => field.tag === tag)?.children()[0];
  return { name: textOf(inside(tags.context0)), url: textOf(inside(tags.context1)) };
}

/** SpcString: `[0] IMPLICIT BMPSTRING`, `[1] IMPLICIT IA5STRING`; SpcLink's url: `[0] IMPLICIT IA5STRING`, its file: `[2] EXPLICIT SpcString`. */
function textOf(node: BerNode | undefined): string | null {
  if (node === undefined) return null;
  if (node.tag === tags.context2) return textOf(node.children()[0]);
  const bytes = Buffer.from(node.content.subarray(0, MAX_TEXT_BYTES));
  const isWide = node.tag === tags.primitive0 && bytes.length % 2 === 0 && bytes[0] === 0;
  const text = isWide ? bytes.swap16().toString("utf16le") : bytes.toString("latin1");
  return text === "" ? null : text;
}
