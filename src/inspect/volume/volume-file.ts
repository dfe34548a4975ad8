import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly } from "../bytes.ts";
import type { TreeFile } from "../file-tree.ts";
import { UnreadableError } from "../unreadable.ts";

const READ_BYTES = 1024 * 1024;

/** A file of a volume, opened when it is read. Opening throws `UnreadableError` for one that cannot be read. */
export class VolumeFile implements TreeFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly linkTarget: string | null;
  readonly #open: () => RandomAccess;

  constructor(path: string, sizeBytes: number, linkTarget: string | null, open: () => RandomAccess) {
    this.path = path;
    this.sizeBytes = sizeBytes;
    this.linkTarget = linkTarget;
    this.#open = open;
  }

  readonly access = async (): Promise<RandomAccess> => this.#open();

  async read(limitBytes: number): Promise<Buffer> {
    if (this.sizeBytes > limitBytes) {
      throw new UnreadableError(
        "limit",
        `${this.path} has ${this.sizeBytes} bytes; ${limitBytes} are read.`,
        this.path,
      );
    }
    return (await readExactly(this.#open(), 0, this.sizeBytes)) ?? Buffer.alloc(0);
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    const bytes = this.#open();
    for (let offset = 0; offset < this.sizeBytes; offset += READ_BYTES) {
      yield await bytes.read(offset, Math.min(READ_BYTES, this.sizeBytes - offset));
    }
  }
}

/** What says that a file's content is packed in a way that only its file system knows. */
export function packedByFileSystem(path: string): UnreadableError {
  return new UnreadableError(
    "unsupported",
    `${path} is compressed by the file system, which is not read.`,
    path,
  );
}
