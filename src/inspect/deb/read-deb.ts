import { archDamaged, archRead, type ArchReading, archUnavailable } from "../arch-reading.ts";
import { type FileToInspect, type FormatReader, type FormatReport, noIdentity } from "../format-reader.ts";
import type { Arch, Finding } from "../inspection.ts";
import { signatureFacts, signersOf } from "../openpgp/openpgp-signature.ts";
import { packedFinding } from "../unpack/read-packed.ts";
import { UnreadableError, unreadableFinding } from "../unreadable.ts";
import { findControlMember, findDataMember, type PackedMember, readArMembers } from "./ar-members.ts";
import { type ControlArchive, readControlArchive } from "./control-archive.ts";
import { controlFields, relations } from "./control-fields.ts";
import { readDataArchive } from "./data-archive.ts";
import { readDebSignatures } from "./deb-signatures.ts";

/** Dependencies that are kept. */
const MAX_RELATIONS = 100;

/** dpkg's names, from its cputable and tupletable. armel has no hardware floating point and is not armv7. */
const archByDebianName: ReadonlyMap<string, Arch> = new Map([
  ["all", "universal"],
  ["i386", "x86"],
  ["amd64", "x86_64"],
  ["arm64", "arm64"],
  ["armhf", "armv7"],
  ["riscv64", "riscv64"],
]);

/**
 * A Debian package. Facts: the control file's fields, `scripts` (those of the maintainer), `conffiles` (how many), `signatures` (named, not
 * verified: the key is not in the file); with `verify` also `data` (what its data archive holds) and `md5_verified`.
 */
export const readDeb: FormatReader = async ({ bytes, verify }) => {
  const findings: Finding[] = [];
  const { members, problem } = await readArMembers(bytes);
  // Whatever has a second member is an archive; what is not found in it is lost.
  const lost = (message: string) => new UnreadableError(members.length > 1 ? "broken" : "damaged", message);
  const control =
    findControlMember(members) ?? lost("The package has no control archive where deb(5) wants it.");
  const { arch, archive } = await readControl(bytes, control, findings);
  const fields = controlFields(archive?.control ?? "");
  const signatures = await readDebSignatures(bytes, members, findings);
  const data = findDataMember(members);
  const dataFacts = verify && data ? await readData(bytes, data, archive, findings) : {};
  // What is cut off has mostly been named by then, and is one problem.
  const isNamed = findings.some(({ code }) => code === "validation.truncated");
  if (problem !== null && !isNamed) {
    // What follows the data archive is nobody's.
    const isLoss = problem.reason === "damaged" && !data;
    findings.push(unreadableFinding(isLoss ? lost(problem.message) : problem));
  }
  if (!data && problem === null) {
    const message = "The package has no data archive where deb(5) wants it, or one that is not read.";
    findings.push(unreadableFinding(lost(message)));
  }
  return {
    facts: {
      ...controlFacts(fields),
      scripts: archive?.scripts ?? [],
      conffiles: archive?.conffiles ?? null,
      ...dataFacts,
      signatures: signatures.map(({ role, signature }) => ({ ...signatureFacts("debsig", signature), role })),
    },
    identity: {
      ...noIdentity,
      id: fields.get("package") ?? null,
      version: fields.get("version") ?? null,
      signers: signersOf(signatures.map(({ signature }) => signature)),
    },
    findings,
    arch,
  };
};

/** The control archive, as far as it can be read, and the package's word on its architecture: the field Architecture (deb-control(5)). */
async function readControl(
  bytes: FileToInspect["bytes"],
  member: PackedMember | UnreadableError,
  findings: Finding[],
): Promise<{ readonly arch: ArchReading; readonly archive?: ControlArchive }> {
  if (member instanceof UnreadableError) {
    findings.push(unreadableFinding(member));
    return { arch: archDamaged(member.message) };
  }
  try {
    const archive = await readControlArchive(bytes, member, findings);
    const name = controlFields(archive.control ?? "").get("architecture");
    const arch = name
      ? archRead(name, archByDebianName.get(name))
      : archDamaged("The control archive names no architecture.");
    return { arch, archive };
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    findings.push(packedFinding(error, member.name));
    const isElsewhere = error.reason === "limit" || error.reason === "unsupported";
    return { arch: isElsewhere ? archUnavailable(error.message) : archDamaged(error.message) };
  }
}

async function readData(
  bytes: FileToInspect["bytes"],
  member: PackedMember,
  archive: ControlArchive | undefined,
  findings: Finding[],
): Promise<FormatReport["facts"]> {
  const { data, md5Verified } = await readDataArchive(bytes, member, archive?.md5sums, findings);
  return { data, md5_verified: md5Verified };
}

function controlFacts(fields: ReadonlyMap<string, string>): Record<string, unknown> {
  const text = (name: string) => fields.get(name) ?? null;
  const installed = fields.get("installed-size");
  return {
    package: text("package"),
    version: text("version"),
    maintainer: text("maintainer"),
    section: text("section"),
    priority: text("priority"),
    homepage: text("homepage"),
    // The rest of it is a long description.
    description: fields.get("description")?.split("\n", 1)[0] ?? null,
    // deb-control(5): "an estimate … in units of 1 KiB".
    installed_bytes:
      installed !== undefined && /^\d{1,12}$/.test(installed) ? Number(installed) * 1024 : null,
    min_os: minimumGlibc(fields.get("depends")),
    depends: relations(fields.get("depends"), MAX_RELATIONS),
    pre_depends: relations(fields.get("pre-depends"), MAX_RELATIONS),
    recommends: relations(fields.get("recommends"), MAX_RELATIONS),
    conflicts: relations(fields.get("conflicts"), MAX_RELATIONS),
  };
}

/** "glibc 2.34" for a package that depends on `libc6 (>= 2.34)`, as dpkg-shlibdeps writes it for programs. */
function minimumGlibc(depends: string | undefined): string | null {
  const version = /(?:^|,)\s{0,9}libc6 \(>= (\d{1,3}\.\d{1,3})/.exec(depends ?? "")?.[1];
  return version === undefined ? null : `glibc ${version}`;
}
