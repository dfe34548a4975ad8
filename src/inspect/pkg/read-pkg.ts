import type { FileToInspect, FormatReader, FormatReport } from "../format-reader.ts";
import { noIdentity } from "../format-reader.ts";
import { finding } from "../findings.ts";
import type { Arch, Finding } from "../inspection.ts";
import { appleRoots, type TrustedRoots } from "../apple/apple-roots.ts";
import { parseArch } from "../architecture.ts";
import { readPart, readWhole } from "../unreadable.ts";
import { type Distribution, readDistribution } from "./distribution.ts";
import { type ComponentPackage, readPackageInfo } from "./package-info.ts";
import { readPkgSignatures } from "./pkg-signatures.ts";
import { hasStapledTicket } from "./stapled-ticket.ts";
import { checkFiles, checkToc } from "./xar-checks.ts";
import { readContent, XarHeap } from "./xar-data.ts";
import { readXarHead, type XarHead } from "./xar-header.ts";
import { readXarToc, type XarFile, type XarToc } from "./xar-toc.ts";

/** A product of more packages than a person wants to see. */
const MAX_PACKAGES = 64;
/** Lists of bundles make a PackageInfo some hundred KiB. */
const MAX_XML_BYTES = 4 * 1024 * 1024;

/**
 * An installer package of macOS: a xar archive. Facts: `kind` (product, component, or archive for one that is neither), `title`, `min_os`,
 * `architectures`, `packages`, `toc_checksum`, `created_at`, and those of `readPkgSignatures`.
 */
export const readPkg: FormatReader = (file) => readPkgTrusting(appleRoots(), file);

/** `readPkg` with other roots than Apple's. */
export async function readPkgTrusting(roots: TrustedRoots, file: FileToInspect): Promise<FormatReport> {
  const findings: Finding[] = [];
  const opened = await readPart(findings, () =>
    readWhole(true, async () => {
      const head = await readXarHead(file.bytes);
      return { head, toc: readXarToc(head.toc) };
    }),
  );
  if (opened === undefined) return { facts: {}, identity: noIdentity, findings };
  return await readArchive(roots, file, opened.head, opened.toc, findings);
}

async function readArchive(
  roots: TrustedRoots,
  file: FileToInspect,
  head: XarHead,
  toc: XarToc,
  findings: Finding[],
): Promise<FormatReport> {
  const { bytes, verify, nowMs } = file;
  const heap = new XarHeap(bytes, head.heapOffset);
  const end = head.heapOffset + heapBytes(toc);
  if (end > bytes.sizeBytes) {
    const message = `The package ends at byte ${bytes.sizeBytes}; its table of contents names content up to ${end}.`;
    findings.push(finding("validation.truncated", message));
  }
  const checksum = await checkToc(head, toc, heap, findings);
  const contents = await readContents(toc, heap, findings);
  const isWhole = verify && (await checkFiles(toc.files, heap, bytes.sizeBytes, findings));
  const signing = await readPkgSignatures(toc, head, heap, {
    roots,
    isTocSound: checksum.verified,
    isWhole,
    nowMs,
    isStapled: await hasStapledTicket(bytes, end),
    findings,
  });
  const { distribution, packages } = contents;
  const main = mainPackage(distribution, packages);
  return {
    facts: {
      kind: distribution ? "product" : packages.length > 0 ? "component" : "archive",
      title: distribution?.title ?? null,
      min_os: distribution?.minOs ? `macOS ${distribution.minOs}` : null,
      architectures: distribution?.hostArchitectures ?? [],
      packages,
      runs_script: distribution?.hasScript ?? false,
      license_agreement: distribution?.license ?? null,
      created_at: toc.createdAt,
      toc_checksum: checksum,
      ...signing.facts,
    },
    identity: {
      id: distribution?.productId ?? main?.identifier ?? null,
      version: distribution?.productVersion ?? main?.version ?? null,
      build: null,
      label: distribution?.title ?? null,
      signers: signing.signers,
    },
    runsOn: (distribution?.hostArchitectures ?? []).flatMap((name) => archOf(name) ?? []),
    findings,
  };
}

interface Contents {
  readonly distribution: Distribution | undefined;
  readonly packages: readonly ComponentPackage[];
}

async function readContents(toc: XarToc, heap: XarHeap, findings: Finding[]): Promise<Contents> {
  const read = (file: XarFile): Promise<Buffer> => readContent(heap, file, MAX_XML_BYTES);
  const one = toc.files.find(({ path }) => path === "Distribution");
  const distribution = one && (await readPart(findings, async () => readDistribution(await read(one))));
  const infos = toc.files.filter(({ path }) => isPackageInfo(path)).slice(0, MAX_PACKAGES);
  const packages: ComponentPackage[] = [];
  for (const info of infos) {
    const folder = info.path.includes("/") ? info.path.slice(0, info.path.indexOf("/")) : null;
    const found = await readPart(findings, async () => readPackageInfo(await read(info), folder));
    if (found) packages.push(found);
  }
  if (one === undefined && infos.length === 0) {
    const message = "The archive has neither a Distribution nor a PackageInfo: it is no installer package.";
    findings.push(finding("validation.damaged", message));
  }
  return { distribution, packages };
}

/** The archive's own, or that of a package in a product: one folder down. */
function isPackageInfo(path: string): boolean {
  return path === "PackageInfo" || (path.endsWith("/PackageInfo") && path.split("/").length === 2);
}

/** The largest one, which the others come along with. */
function mainPackage(
  distribution: Distribution | undefined,
  packages: readonly ComponentPackage[],
): Pick<ComponentPackage, "identifier" | "version"> | undefined {
  const [largest] = packages.toSorted((a, b) => (b.install_kilobytes ?? 0) - (a.install_kilobytes ?? 0));
  const [reference] = distribution?.packages ?? [];
  return largest ?? (reference && { identifier: reference.id, version: reference.version });
}

/** Where the last stretch of the heap ends. */
function heapBytes({ checksum, signatures, files }: XarToc): number {
  let end = checksum ? checksum.offset + checksum.length : 0;
  for (const { offset, length } of signatures) end = Math.max(end, offset + length);
  for (const { data } of files) if (data) end = Math.max(end, data.offset + data.length);
  return end;
}

function archOf(name: string): Arch | undefined {
  return name === "i386" ? "x86" : parseArch(name);
}
