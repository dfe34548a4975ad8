import type { Digests } from "../../base/digest.ts";
import type { PackageFileEntry } from "../../log/events.ts";
import type { PackageVerifyReport } from "../records/packages.ts";
import type { Problem } from "../records/store.ts";
import type { ReadManifest } from "./manifest-reader.ts";

/** Compares files that are found one after the other with those that a manifest names. Reads nothing itself. */
export class FileCheck {
  readonly #read: ReadManifest;
  readonly #expected: ReadonlyMap<string, PackageFileEntry>;
  readonly #seen = new Set<string>();
  readonly #problems: Problem[] = [];
  #bytes = 0;
  #files = 0;

  constructor(read: ReadManifest) {
    this.#read = read;
    this.#expected = new Map(read.manifest.files.map((entry) => [entry.path, entry]));
  }

  /** True when the manifest lists this path. */
  names(path: string): boolean {
    return this.#expected.has(path);
  }

  /** What the file at `path` must be, if only its bytes can still tell; undefined when it is a problem already. */
  found(path: string, sizeBytes: number): PackageFileEntry | undefined {
    const entry = this.#first(path);
    if (entry === undefined || entry.size === sizeBytes) return entry;
    const message = `It has ${sizeBytes} bytes, not the ${entry.size} that the manifest names.`;
    this.problem("file.wrong_size", path, message);
    return undefined;
  }

  /** Something else than a file stands at `path`. */
  irregular(path: string, what: string): void {
    if (this.#first(path) !== undefined) this.problem("file.not_regular", path, `It is ${what}, not a file.`);
  }

  /** The bytes of a file that `found` asked for. */
  compare(entry: PackageFileEntry, { sha256, blake3, sizeBytes }: Digests): void {
    this.#bytes += sizeBytes;
    this.#files += 1;
    if (sha256 === entry.sha256 && blake3 === entry.blake3 && sizeBytes === entry.size) return;
    this.problem("file.damaged", entry.path, "Its bytes are not those that the manifest names.");
  }

  /** Something else is wrong. */
  problem(code: string, target: string, message: string): void {
    this.#problems.push({ code, message, target });
  }

  /** The report, problems by path, when everything was found that there is; `only` were looked for, all files when absent. */
  report(only: readonly PackageFileEntry[] = this.#read.manifest.files): PackageVerifyReport {
    for (const { path } of only) {
      if (!this.#seen.has(path)) this.problem("file.missing", path, "It is not there.");
    }
    const problems = this.#problems.toSorted((one, other) => (one.target < other.target ? -1 : 1));
    return {
      ok: problems.length === 0,
      problems,
      package_id: this.#read.manifest.packageId,
      manifest_sha256: this.#read.sha256,
      checked: { files: this.#files, bytes: this.#bytes },
    };
  }

  #first(path: string): PackageFileEntry | undefined {
    const entry = this.#expected.get(path);
    if (entry === undefined) this.problem("file.extra", path, "The package has no such file.");
    else if (this.#seen.has(path)) this.problem("file.twice", path, "It is there twice.");
    else {
      this.#seen.add(path);
      return entry;
    }
    return undefined;
  }
}
