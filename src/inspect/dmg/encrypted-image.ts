import type { RandomAccess } from "../../base/random-access.ts";
import { ByteReader } from "../byte-reader.ts";
import { readUpTo } from "../bytes.ts";

const MAGIC = "encrcdsa";
/** magic 8, version 4, block size of the cipher 4, mode 4, algorithm 4, key bits 4. */
const HEAD_BYTES = 28;
/** CSSM_ALGID_AES */
const AES = 0x80000001;

/** How a disk image is encrypted. JSON as a fact. */
export interface DiskEncryption {
  /** `AES-256`; null for what is not known. */
  readonly algorithm: string | null;
}

/** How a disk image is encrypted, when it is: then nothing else of it can be read, not even its trailer. */
export async function readEncryption(bytes: RandomAccess): Promise<DiskEncryption | null> {
  const head = await readUpTo(bytes, 0, HEAD_BYTES);
  if (head.toString("latin1", 0, MAGIC.length) !== MAGIC) return null;
  if (head.length < HEAD_BYTES) return { algorithm: null };
  const reader = new ByteReader(head, "head of the disk image").seek(20);
  const isAes = reader.u32be() === AES;
  const keyBits = reader.u32be();
  return { algorithm: isAes && [128, 256].includes(keyBits) ? `AES-${keyBits}` : null };
}
