import { elfMachine, ELF_START_BYTES, isElf, parseElfStart } from "../elf/elf-header.ts";
import { finding, type FindingCode } from "../findings.ts";
import type { Arch, Finding } from "../inspection.ts";
import { UnreadableError } from "../unreadable.ts";
import { archesOf } from "../macho/cpu-types.ts";
import { MACHO_START_BYTES, machOCpus } from "../macho/macho-cpus.ts";
import { leadsOut, linkLeadsOut, normalName } from "./entry-names.ts";
import type { TarEntry } from "./tar-entries.ts";

/** Real archives have some hundred thousand entries at most. Each costs some hundred bytes of memory here. */
const MAX_ENTRIES = 300_000;
/** All names together: a long one is 64 KiB or, in pax, a megabyte. */
const MAX_NAMES_LENGTH = 32 * 1024 * 1024;
/** Names shown of each kind, and names at the top. */
const SHOWN = 5;
const MAX_TOP_LEVEL = 20;
/** Programs whose header is looked at. */
const MAX_PROGRAMS = 64;
const SETUID_OR_SETGID = 0o6000;

/** What stands out in an archive's names. */
type Oddity = "unsafe" | "duplicate" | "device" | "setuid";

/** Gathers what there is to say about a tar archive's entries while they stream by. */
export class ArchiveSummary {
  readonly #isRooted: boolean;
  readonly #where: string | undefined;
  readonly #seen = new Map<string, TarEntry["kind"]>();
  #namesLength = 0;
  #count = 0;
  #unpackedBytes = 0;
  #sparse = 0;
  #links = 0;
  readonly #topLevel = new Set<string>();
  readonly #odd: Readonly<Record<Oddity, { count: number; names: string[] }>> = {
    unsafe: { count: 0, names: [] },
    duplicate: { count: 0, names: [] },
    device: { count: 0, names: [] },
    setuid: { count: 0, names: [] },
  };
  /** Programs and shared objects by the file's own word for their processor. */
  readonly #machines = new Map<string, Arch | undefined>();
  #programs = 0;

  /**
   * `isRooted`: it is unpacked into the root of the file system, as packages are, where absolute names and links are as they should
   * be. `where` names the archive in findings, when it is only a part of the file.
   */
  constructor({ isRooted, where }: { isRooted: boolean; where?: string }) {
    this.#isRooted = isRooted;
    this.#where = where;
  }

  get entryCount(): number {
    return this.#count;
  }

  /** Takes note of an entry. Throws `UnreadableError` (`limit`) when there are too many. */
  add(entry: TarEntry): void {
    const name = normalName(entry.name);
    this.#count += 1;
    this.#namesLength += entry.name.length;
    if (this.#count > MAX_ENTRIES || this.#namesLength > MAX_NAMES_LENGTH) {
      throw new UnreadableError(
        "limit",
        `The archive has more than the ${MAX_ENTRIES} entries that are read.`,
      );
    }
    this.#unpackedBytes += entry.sizeBytes;
    if (entry.isSparse) this.#sparse += 1;
    if (entry.kind === "hard_link" || entry.kind === "symbolic_link") this.#links += 1;
    if (this.#topLevel.size < MAX_TOP_LEVEL && name !== "") this.#topLevel.add(name.split("/", 1)[0]!);
    if (leadsOut(entry.name, this.#isRooted) || linkLeadsOut(entry, this.#isRooted)) {
      this.#note("unsafe", entry.name);
    }
    const before = this.#seen.get(name);
    if (before !== undefined && !(before === "directory" && entry.kind === "directory")) {
      this.#note("duplicate", name);
    }
    this.#seen.set(name, entry.kind);
    if (entry.kind === "device") this.#note("device", name);
    if (entry.kind === "file" && (entry.mode & SETUID_OR_SETGID) !== 0) this.#note("setuid", name);
  }

  /** Looks at the beginning of a file's content for a program. */
  async lookInto(entry: TarEntry): Promise<void> {
    if (entry.kind !== "file" || entry.isSparse || this.#programs >= MAX_PROGRAMS) return;
    if (entry.sizeBytes < ELF_START_BYTES) return;
    let head: Buffer = Buffer.alloc(0);
    for await (const chunk of entry.content()) {
      head = Buffer.concat([head, chunk.subarray(0, MACHO_START_BYTES - head.length)]);
      if (head.length === MACHO_START_BYTES) break;
    }
    const machines = [
      ...elfMachines(head),
      ...machOCpus(head).map((cpu) => [cpu, archesOf([cpu])[0]] as const),
    ];
    if (machines.length > 0) this.#programs += 1;
    for (const [native, arch] of machines) this.#machines.set(native, arch);
  }

  /** Facts for any archive. */
  facts(): Record<string, unknown> {
    return {
      entries: this.#count,
      unpacked_bytes: this.#unpackedBytes,
      top_level: [...this.#topLevel],
      links: this.#links,
      sparse_files: this.#sparse,
      devices: this.#odd.device.count,
      setuid: this.#odd.setuid.names,
    };
  }

  /** The processors of the programs inside, in the files' own words where artifacts cannot name them. */
  architectures(): string[] {
    return [...new Set([...this.#machines].map(([native, arch]) => arch ?? native))];
  }

  /** The processor that all programs inside are for; empty when they differ or there are none. */
  runsOn(): Arch[] {
    const arches = [...new Set(this.#machines.values())];
    return arches.length === 1 && arches[0] !== undefined ? [arches[0]] : [];
  }

  findings(): Finding[] {
    return [
      ...this.#about(
        "validation.tar_unsafe_name",
        "unsafe",
        "has names or links that lead out of its folder",
      ),
      ...this.#about("validation.tar_duplicate_name", "duplicate", "has more than one entry named"),
      ...this.#about("validation.tar_device", "device", "makes devices"),
      ...this.#about("validation.setuid", "setuid", "has programs that run with their owner's rights"),
    ];
  }

  #note(oddity: Oddity, name: string): void {
    const odd = this.#odd[oddity];
    odd.count += 1;
    if (odd.names.length < SHOWN) odd.names.push(name);
  }

  #about(code: FindingCode, oddity: Oddity, what: string): Finding[] {
    const { count, names } = this.#odd[oddity];
    if (count === 0) return [];
    const shown = names.map((name) => JSON.stringify(name)).join(", ");
    const more = count > names.length ? ` and ${count - names.length} more` : "";
    const message = `The archive ${what}: ${shown}${more}.`;
    return [finding(code, message, { names, count }, this.#where ?? names[0])];
  }
}

/** What an ELF program or shared object is for; object files (1) and core dumps (4) are not run. */
function elfMachines(head: Buffer): ReadonlyArray<readonly [native: string, arch: Arch | undefined]> {
  if (!isElf(head) || ![1, 2].includes(head[4]!) || ![1, 2].includes(head[5]!)) return [];
  const start = parseElfStart(head);
  if (start.type !== 2 && start.type !== 3) return [];
  const { native, arch } = elfMachine(start);
  return [[native, arch]];
}
