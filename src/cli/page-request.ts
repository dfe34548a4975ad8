import type { PageRequest } from "../registry/records/pages.ts";

/** The request that `--limit` and `--after` make. */
export function pageRequest({ limit, after }: { limit: number; after: string | undefined }): PageRequest {
  return { limit, ...(after !== undefined && { after }) };
}
