import { createHash, hash } from "node:crypto";

export interface Digests {
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  /** 64 lower-case hexadecimal digits: BLAKE3's default 32 bytes of output. */
  readonly blake3: string;
  readonly sizeBytes: number;
}

/** SHA-256 and BLAKE3 of one stream of bytes, and its length, in one pass. Made by `createDualHasher`. */
export class DualHasher {
  private readonly sha256 = createHash("sha256");
  private readonly blake3: Blake3;
  private sizeBytes = 0;

  constructor(blake3: Blake3) {
    this.blake3 = blake3;
  }

  /** Takes the next bytes. The chunk is read before this returns; it may be reused afterwards. */
  update(chunk: Uint8Array): void {
    this.sha256.update(chunk);
    this.blake3.update(chunk);
    this.sizeBytes += chunk.byteLength;
  }

  /** Ends the hasher: neither method may be called again. */
  digest(): Digests {
    return { sha256: this.sha256.digest("hex"), blake3: this.blake3.hex(), sizeBytes: this.sizeBytes };
  }
}

/** A BLAKE3 computation under way. */
export interface Blake3 {
  update(chunk: Uint8Array): void;
  /** Ends the computation. */
  hex(): string;
}

/** Starts one BLAKE3 computation, apart from all others. */
export type StartBlake3 = () => Promise<Blake3>;

let startBlake3: Promise<StartBlake3> | undefined;

/** A fresh hasher. The first call loads a BLAKE3 implementation: native code where the machine has it, else WebAssembly. */
export async function createDualHasher(): Promise<DualHasher> {
  startBlake3 ??= loadBlake3();
  const start = await startBlake3;
  return new DualHasher(await start());
}

/** The native implementation, or the portable one where the native one does not load: an odd platform or libc. */
export async function loadBlake3(
  native: () => Promise<StartBlake3> = loadNativeBlake3,
  portable: () => Promise<StartBlake3> = loadPortableBlake3,
): Promise<StartBlake3> {
  try {
    return await native();
  } catch {
    return portable();
  }
}

async function loadNativeBlake3(): Promise<StartBlake3> {
  const { Blake3Hasher } = await import("@napi-rs/blake-hash");
  return async () => {
    const hasher = new Blake3Hasher();
    return {
      // A view of the same memory: the library takes Buffers only.
      update: (chunk) => void hasher.update(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)),
      hex: () => hasher.digest("hex"),
    };
  };
}

async function loadPortableBlake3(): Promise<StartBlake3> {
  const { createBLAKE3 } = await import("hash-wasm");
  return async () => {
    const hasher = await createBLAKE3();
    return {
      update: (chunk) => void hasher.update(chunk),
      hex: () => hasher.digest("hex"),
    };
  };
}

/** 64 lower-case hexadecimal digits. */
export function sha256Hex(bytes: Uint8Array): string {
  return hash("sha256", bytes, "hex");
}

/** 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(hash("sha256", bytes, "buffer"));
}

/** True for 64 lower-case hexadecimal digits and nothing else: safe as a path segment. */
export function isSha256Hex(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}
