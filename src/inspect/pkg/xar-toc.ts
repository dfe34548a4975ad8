import { UnreadableError } from "../unreadable.ts";
import { child, childrenOf, readXml, type XmlElement } from "./xml-tree.ts";

/** A stretch of the heap. */
export interface HeapRange {
  readonly offset: number;
  readonly length: number;
}

export interface XarChecksum {
  /** In the words of Node: `sha1`. */
  readonly algorithm: string;
  readonly hex: string;
}

/** Where a file's content stands, and how. */
export interface XarData extends HeapRange {
  /** Unpacked. */
  readonly sizeBytes: number;
  /** `application/octet-stream` for content as it is. */
  readonly encoding: string;
  /** Of the bytes in the heap. */
  readonly archived: XarChecksum | null;
  /** Of the content unpacked. */
  readonly extracted: XarChecksum | null;
}

export interface XarFile {
  readonly path: string;
  readonly type: string;
  readonly linkTarget: string | null;
  readonly data: XarData | null;
}

export interface XarSignature extends HeapRange {
  /** `RSA` or `CMS`. */
  readonly style: string;
  /** DER of the certificates, the signer's first. */
  readonly certificates: readonly Buffer[];
}

export interface XarToc {
  /** Where the table's own checksum stands in the heap. */
  readonly checksum: (HeapRange & { readonly style: string }) | null;
  readonly signatures: readonly XarSignature[];
  readonly files: readonly XarFile[];
  readonly createdAt: string | null;
}

/** What signs has three or four certificates; each is parsed. */
const MAX_CERTIFICATES = 16;
const MAX_SIGNATURES = 4;
/** Names nest by elements, whose depth is bounded; a path is made of all the names above it, so that lengths could multiply. */
const MAX_PATH_LENGTH = 1024;

/** Parses a xar archive's table of contents. Throws `UnreadableError`. */
export function readXarToc(xml: Uint8Array): XarToc {
  const toc = child(readXml(xml, WHERE), "toc");
  if (toc === undefined) throw damaged("has no element toc");
  const checksum = child(toc, "checksum");
  const signatures = toc.children.filter(({ name }) => name === "signature" || name === "x-signature");
  return {
    checksum: checksum ? { style: style(checksum), ...range(checksum, "size") } : null,
    signatures: signatures.slice(0, MAX_SIGNATURES).map(readSignature),
    files: readFiles(toc, ""),
    createdAt: child(toc, "creation-time")?.text ?? null,
  };
}

const WHERE = "table of contents";

function damaged(problem: string): UnreadableError {
  return new UnreadableError("damaged", `The table of contents ${problem}.`, WHERE);
}

const style = (element: XmlElement): string => (element.attributes["style"] ?? "").toLowerCase();

/** A whole number that a file of this world can have. */
function number(element: XmlElement, name: string): number {
  const text = child(element, name)?.text ?? "";
  if (!/^[0-9]{1,15}$/.test(text)) throw damaged(`has no number as ${name} of ${element.name}`);
  return Number(text);
}

function range(element: XmlElement, lengthName: string): HeapRange {
  return { offset: number(element, "offset"), length: number(element, lengthName) };
}

function readSignature(element: XmlElement): XarSignature {
  const certificates = childrenOf(child(child(element, "KeyInfo"), "X509Data"), "X509Certificate");
  return {
    style: style(element).toUpperCase(),
    ...range(element, "size"),
    certificates: certificates.slice(0, MAX_CERTIFICATES).map(({ text }) => Buffer.from(text, "base64")),
  };
}

function readFiles(parent: XmlElement, folder: string): XarFile[] {
  return childrenOf(parent, "file").flatMap((element) => {
    const path = folder + (child(element, "name")?.text ?? "");
    if (path.length > MAX_PATH_LENGTH) throw damaged(`has a path longer than ${MAX_PATH_LENGTH}`);
    const data = child(element, "data");
    const type = child(element, "type")?.text ?? "file";
    const file: XarFile = {
      path,
      type,
      linkTarget: type === "symlink" ? (child(element, "link")?.text ?? "") : null,
      data: data ? readData(data) : null,
    };
    return [file, ...readFiles(element, `${path}/`)];
  });
}

function readData(element: XmlElement): XarData {
  return {
    ...range(element, "length"),
    sizeBytes: number(element, "size"),
    encoding: child(element, "encoding") ? style(child(element, "encoding")!) : "application/octet-stream",
    archived: readChecksum(child(element, "archived-checksum")),
    extracted: readChecksum(child(element, "extracted-checksum")),
  };
}

function readChecksum(element: XmlElement | undefined): XarChecksum | null {
  if (element === undefined) return null;
  return { algorithm: style(element), hex: element.text.toLowerCase() };
}
