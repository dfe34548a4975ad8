import type { Reader } from "../../catalog/database.ts";
import { releaseOfPackage } from "../../catalog/queries/retention.ts";
import { planPackage, planRelease, type RetentionDecision } from "../../retention/planner.ts";
import { keepingFacts } from "./keeping-facts.ts";
import { releaseFacts } from "./release-facts.ts";

/** What the planner says of a package that is not deleted: of evidence by itself, of a release with its channels and windows. */
export async function planOf(
  reader: Reader,
  { id, app_id }: { readonly id: string; readonly app_id: string | null },
  now: string,
): Promise<RetentionDecision> {
  const release = app_id === null ? undefined : await reader.first(releaseOfPackage, { package_id: id });
  if (release !== undefined) return planRelease(await releaseFacts(reader, release), now);
  return planPackage({ id, ...(await keepingFacts(reader, id)) }, now);
}
