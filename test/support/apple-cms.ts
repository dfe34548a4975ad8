import { createHash, createPrivateKey, sign, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";

import { encodeDer, readBer, tags } from "../../src/inspect/cms/ber.ts";
import { xmlPlist } from "./plists.ts";
import type { SigningKey } from "./signing-keys.ts";

const CONTEXT_0 = 0xa0;

/** An object identifier in DER. */
function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const digits = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80);
    return digits;
  });
  return encodeDer(tags.oid, Buffer.from(bytes));
}

const sequence = (...parts: readonly Buffer[]) => encodeDer(tags.sequence, Buffer.concat(parts));
const set = (...parts: readonly Buffer[]) => encodeDer(tags.set, Buffer.concat(parts));
const octets = (bytes: Uint8Array) => encodeDer(tags.octetString, bytes);
const algorithm = (dotted: string) => sequence(oid(dotted), Buffer.from([5, 0]));

const DATA = "1.2.840.113549.1.7.1";
const SHA256 = "2.16.840.1.101.3.4.2.1";
const SHA1 = "1.3.14.3.2.26";

export interface CodeMessageOptions {
  readonly signer: SigningKey;
  /** Certificates beside the signer's. */
  readonly chain?: readonly SigningKey[];
  /** Digests of all CodeDirectories, for Apple's attributes; none when absent. */
  readonly cdhashes?: ReadonlyArray<{ readonly hash: "sha1" | "sha256"; readonly digest: Buffer }>;
}

/**
 * A signed message as Apple's `codesign` makes it: without the content, with the attributes that name every CodeDirectory (which
 * `openssl cms` cannot add).
 */
export function codeMessage(content: Buffer, { signer, chain = [], cdhashes }: CodeMessageOptions): Buffer {
  const certificates = [signer, ...chain].map((key) => new X509Certificate(readFileSync(key.certificate)));
  const [tbs] = readBer(certificates[0]!.raw).children();
  const [, serial, , issuer] = tbs!.children();
  const digest = createHash("sha256").update(content).digest();
  const attributes = Buffer.concat([
    sequence(oid("1.2.840.113549.1.9.3"), set(oid(DATA))),
    sequence(oid("1.2.840.113549.1.9.5"), set(encodeDer(tags.utcTime, Buffer.from("260101120000Z")))),
    sequence(oid("1.2.840.113549.1.9.4"), set(octets(digest))),
    ...(cdhashes === undefined ? [] : cdhashAttributes(cdhashes)),
  ]);
  const key = createPrivateKey(readFileSync(signer.key));
  const signature = sign("sha256", encodeDer(tags.set, attributes), key);
  const info = sequence(
    Buffer.from([2, 1, 1]),
    sequence(issuer!.encoded, serial!.encoded),
    algorithm(SHA256),
    encodeDer(CONTEXT_0, attributes),
    algorithm("1.2.840.113549.1.1.11"),
    octets(signature),
  );
  const message = sequence(
    Buffer.from([2, 1, 1]),
    set(algorithm(SHA256)),
    sequence(oid(DATA)),
    encodeDer(CONTEXT_0, Buffer.concat(certificates.map(({ raw }) => raw))),
    set(info),
  );
  return sequence(oid("1.2.840.113549.1.7.2"), encodeDer(CONTEXT_0, message));
}

function cdhashAttributes(cdhashes: NonNullable<CodeMessageOptions["cdhashes"]>): Buffer[] {
  const plist = xmlPlist({ cdhashes: cdhashes.map(({ digest }) => digest.subarray(0, 20)) });
  const whole = cdhashes.map(({ hash, digest }) =>
    sequence(oid(hash === "sha1" ? SHA1 : SHA256), octets(digest)),
  );
  return [
    sequence(oid("1.2.840.113635.100.9.1"), set(octets(plist))),
    sequence(oid("1.2.840.113635.100.9.2"), set(...whole)),
  ];
}
