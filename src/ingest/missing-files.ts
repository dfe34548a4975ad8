import { MAX_PAGE_LIMIT } from "../registry/paging.ts";
import type { PackageRecord } from "../registry/records/packages.ts";
import type { Registry } from "../registry/registry.ts";
import { ingestErrors } from "./errors.ts";
import type { HashedFile } from "./hash-files.ts";

/**
 * The files that a package has not got yet. Raises `ingest.package_differs` when it has others, or lacks one and is finalized: its key
 * says what was ingested, not what somebody did to it by hand.
 */
export async function missingFiles(
  registry: Registry,
  { id, status }: PackageRecord,
  files: readonly HashedFile[],
): Promise<readonly HashedFile[]> {
  const missing = new Map(files.map((file) => [file.path, file]));
  let after: string | null | undefined;
  while (after !== null) {
    const page = await registry.listPackageFiles(id, {
      limit: MAX_PAGE_LIMIT,
      ...(after !== undefined && { after }),
    });
    for (const { path, sha256 } of page.items) {
      if (missing.get(path)?.sha256 !== sha256) throw differs(id, path, "is not in the directory like that");
      missing.delete(path);
    }
    after = page.next;
  }
  const [first] = missing.keys();
  if (first !== undefined && status === "finalized") throw differs(id, first, "is missing there");
  return [...missing.values()];
}

function differs(id: string, path: string, what: string): Error {
  return ingestErrors.error(
    "ingest.package_differs",
    `The package ${id} was made for this directory and changed since: ${path} ${what}.`,
    {
      details: { package: id, path },
      hint: "Give up an open package with dist package fail, and ingest again; or give another --subject.",
    },
  );
}
