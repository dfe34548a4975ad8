import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";

/** A file of a xar archive. */
export interface XarInput {
  /** With folders. */
  readonly path: string;
  readonly content: Uint8Array;
  /** Deflated in the heap when absent, as xar does with what is not packed. */
  readonly stored?: boolean;
  /** Overrides what the table says of it, as XML elements. */
  readonly checksums?: string;
}

export interface XarOptions {
  readonly algorithm?: "sha1" | "sha256";
  /** Certificates in DER, the signer's first, and what signs: the table as it stands in the file, and its checksum. */
  readonly signatures?: readonly XarSignatureInput[];
  /** Changes the table before it is packed. */
  readonly changeToc?: (xml: string) => string;
}

export interface XarSignatureInput {
  readonly style: "RSA" | "CMS";
  readonly sizeBytes: number;
  readonly certificates: readonly Uint8Array[];
  readonly sign: (packedToc: Buffer, checksum: Buffer) => Promise<Buffer>;
}

const numbers = { sha1: 1, sha256: 3 } as const;

/**
 * Builds a xar archive: a header of 28 bytes, the table of contents as zlib data, and the heap, which begins with the table's
 * checksum and the signatures.
 */
export async function buildXar(files: readonly XarInput[], options: XarOptions = {}): Promise<Buffer> {
  const { algorithm = "sha1", signatures = [], changeToc = (xml: string) => xml } = options;
  const checksumBytes = createHash(algorithm).digest().length;
  let offset = checksumBytes;
  const signatureXml = signatures.map(({ style, sizeBytes, certificates }) => {
    const name = style === "RSA" ? "signature" : "x-signature";
    const keys = certificates.map(
      (der) => `<X509Certificate>${Buffer.from(der).toString("base64")}</X509Certificate>`,
    );
    const xml = `<${name} style="${style}"><offset>${offset}</offset><size>${sizeBytes}</size><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>${keys.join("")}</X509Data></KeyInfo></${name}>`;
    offset += sizeBytes;
    return xml;
  });
  const heap: Buffer[] = [];
  const fileXml = tree(files, (file) => {
    const archived = file.stored === true ? Buffer.from(file.content) : deflateSync(file.content);
    const style = file.stored === true ? "application/octet-stream" : "application/x-gzip";
    const sums = file.checksums ?? `${sum("archived", archived)}${sum("extracted", file.content)}`;
    const xml = `<data><length>${archived.length}</length><offset>${offset}</offset><size>${file.content.length}</size><encoding style="${style}"/>${sums}</data>`;
    heap.push(archived);
    offset += archived.length;
    return xml;
  });
  const xml = changeToc(
    `<?xml version="1.0" encoding="UTF-8"?>\n<xar><toc><checksum style="${algorithm}"><size>${checksumBytes}</size><offset>0</offset></checksum><creation-time>2026-11-20T10:00:00</creation-time>${signatureXml.join("")}${fileXml}</toc></xar>`,
  );
  const packed = deflateSync(xml);
  const checksum = createHash(algorithm).update(packed).digest();
  const signed = await Promise.all(
    signatures.map(async ({ sign, sizeBytes }) => padded(await sign(packed, checksum), sizeBytes)),
  );
  return Buffer.concat([
    xarHeader(packed.length, Buffer.byteLength(xml), numbers[algorithm]),
    packed,
    checksum,
    ...signed,
    ...heap,
  ]);
}

/** A flat package's notarization ticket as `stapler` appends it. */
export function stapled(pkg: Buffer, ticket: Uint8Array): Buffer {
  const trailer = (type: number, length: number) => {
    const bytes = Buffer.alloc(16);
    bytes.write("t8lr", "latin1");
    bytes.writeUInt16LE(1, 4);
    bytes.writeUInt16LE(type, 6);
    bytes.writeUInt32LE(length, 8);
    return bytes;
  };
  return Buffer.concat([pkg, trailer(1, 0), ticket, trailer(2, ticket.length)]);
}

/** magic, header size, version, packed table's size, its size, checksum algorithm; big-endian. */
export function xarHeader(packedBytes: number, tocBytes: number, algorithm: number): Buffer {
  const header = Buffer.alloc(28);
  header.write("xar!", "latin1");
  header.writeUInt16BE(28, 4);
  header.writeUInt16BE(1, 6);
  header.writeBigUInt64BE(BigInt(packedBytes), 8);
  header.writeBigUInt64BE(BigInt(tocBytes), 16);
  header.writeUInt32BE(algorithm, 24);
  return header;
}

function sum(name: string, bytes: Uint8Array): string {
  const hex = createHash("sha1").update(bytes).digest("hex");
  return `<${name}-checksum style="sha1">${hex}</${name}-checksum>`;
}

function padded(signature: Buffer, sizeBytes: number): Buffer {
  if (signature.length > sizeBytes) throw new Error(`A signature of ${signature.length} bytes.`);
  return Buffer.concat([signature, Buffer.alloc(sizeBytes - signature.length)]);
}

/** Files in one folder, at most: all that packages have. */
function tree(files: readonly XarInput[], data: (file: XarInput) => string): string {
  const folders = Map.groupBy(files, ({ path }) => (path.includes("/") ? path.split("/")[0]! : ""));
  let id = 0;
  const element = (name: string, type: string, inside: string) => {
    id += 1;
    return `<file id="${id}"><name>${name}</name><type>${type}</type>${inside}</file>`;
  };
  return [...folders]
    .map(([folder, inside]) => {
      const xml = inside.map((file) => element(file.path.split("/").at(-1)!, "file", data(file))).join("");
      return folder === "" ? xml : element(folder, "directory", xml);
    })
    .join("");
}
