import { createHash } from "node:crypto";

import { codeMessage } from "./apple-cms.ts";
import type { SigningKey } from "./signing-keys.ts";

export interface DmgSignatureOptions {
  readonly signer: SigningKey;
  readonly chain: readonly SigningKey[];
  readonly team: string;
  /** Stapled to the signature. */
  readonly ticket?: Buffer;
}

/** Makes the code signature of a disk image, as `codesign` does: all before it as one page, and the trailer in special slot 6. */
export function signDmg({ signer, chain, team, ticket }: DmgSignatureOptions) {
  return async (content: Buffer, trailer: Buffer): Promise<Buffer> => {
    const requirements = blob(0xfade0c01, u32(0));
    const digests = [trailer, undefined, undefined, undefined, requirements, undefined].map((part) =>
      part === undefined ? Buffer.alloc(32) : sha256(part),
    );
    const names = Buffer.from(`acme\0${team}\0`);
    const identOffset = 60;
    const hashOffset = identOffset + names.length + digests.length * 32;
    const directory = blob(
      0xfade0c02,
      Buffer.concat([
        u32(0x20200, 0, hashOffset, identOffset, digests.length, 1, content.length),
        Buffer.from([32, 2, 0, 0]),
        u32(0, 0, identOffset + "acme\0".length, 0, 0),
        names,
        ...digests,
        sha256(content),
      ]),
    );
    const cdhashes = [{ hash: "sha256" as const, digest: sha256(directory) }];
    const parts: ReadonlyArray<readonly [slot: number, part: Buffer]> = [
      [0, directory],
      [2, requirements],
      [0x10000, blob(0xfade0b01, codeMessage(directory, { signer, chain, cdhashes }))],
      ...(ticket ? [[0x10002, blob(0xfade0b01, ticket)] as const] : []),
    ];
    let offset = 12 + parts.length * 8;
    const index = parts.map(([slot, part]) => {
      const entry = u32(slot, offset);
      offset += part.length;
      return entry;
    });
    const all = [u32(parts.length), ...index, ...parts.map(([, part]) => part)];
    return blob(0xfade0cc0, Buffer.concat(all));
  };
}

const sha256 = (bytes: Buffer): Buffer => createHash("sha256").update(bytes).digest();

function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
}

/** A magic and the length of all of it stand before a part. */
function blob(magic: number, content: Buffer): Buffer {
  return Buffer.concat([u32(magic, content.length + 8), content]);
}
