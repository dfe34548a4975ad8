import { createHash } from "node:crypto";

import { UnreadableError } from "../unreadable.ts";
import { dearmored } from "./armor.ts";
import { openPgpPackets } from "./openpgp-packets.ts";

const PUBLIC_KEY_TAG = 6;
const USER_ID_TAG = 13;

export interface OpenPgpKey {
  /** In lower-case hex. */
  readonly fingerprint: string;
  /** The first user id: whoever made the key can write anything there. */
  readonly userId: string | null;
}

/** The first public key in binary or armoured OpenPGP data. Throws `UnreadableError` when there is none that is read. */
export function openPgpKey(bytes: Buffer): OpenPgpKey {
  const packets = openPgpPackets(dearmored(bytes));
  const key = packets.find(({ tag }) => tag === PUBLIC_KEY_TAG)?.body;
  if (key === undefined) throw new UnreadableError("damaged", "OpenPGP data have no public key.");
  const userId = packets.find(({ tag }) => tag === USER_ID_TAG)?.body.toString("utf8") ?? null;
  return { fingerprint: fingerprintOf(key), userId };
}

/** RFC 9580 5.5.4: SHA-1 of 0x99, the length in two bytes and the packet, or SHA-256 with 0x9b and four bytes. */
function fingerprintOf(body: Buffer): string {
  const version = body[0];
  if (version === 4 && body.length <= 0xffff) {
    const prefix = Buffer.from([0x99, body.length >> 8, body.length & 0xff]);
    return createHash("sha1").update(prefix).update(body).digest("hex");
  }
  if (version === 6) {
    const prefix = Buffer.alloc(5, 0x9b);
    prefix.writeUInt32BE(body.length, 1);
    return createHash("sha256").update(prefix).update(body).digest("hex");
  }
  throw new UnreadableError("unsupported", `An OpenPGP key of version ${version ?? "?"} is not read.`);
}
