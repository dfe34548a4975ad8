import { fromTimestamp } from "../../base/clock.ts";
import type { Reader } from "../../catalog/database.ts";
import {
  aheadInChannel,
  aheadNeverCurrent,
  releaseForCleanup,
  windowsOfRelease,
} from "../../catalog/queries/retention.ts";
import type { ReleaseTable } from "../../catalog/tables.ts";
import { keepingFacts } from "./keeping-facts.ts";
import type { ReleaseFacts, WindowFact } from "../../retention/planner.ts";

/** A release with what its app and its package say about keeping it. */
export type ReleaseForCleanup = ReleaseTable & {
  readonly retention_keep: number;
  readonly size_bytes: number;
};

/** Reads what the planner needs to know about one release: bounded work, however long the histories are. */
export async function releaseFacts(reader: Reader, release: ReleaseForCleanup): Promise<ReleaseFacts> {
  const windows: WindowFact[] = [];
  const currentIn: string[] = [];
  const isRevoked = release.status === "revoked";
  for (const window of await reader.all(windowsOfRelease, { release_id: release.id })) {
    if (window.current_release_id === release.id) currentIn.push(window.name);
    const keep = window.retention_keep ?? release.retention_keep;
    const place = { app_id: window.app_id, channel: window.name, last_seq: window.last_seq, limit: keep };
    const ahead = isRevoked || keep === 0 ? null : (await reader.first(aheadInChannel, place))!.count;
    windows.push({ channel: window.name, keep, ahead });
  }
  if (windows.length === 0) {
    const keep = release.retention_keep;
    const place = { app_id: release.app_id, created_at: release.created_at, id: release.id, limit: keep };
    const ahead = isRevoked || keep === 0 ? null : (await reader.first(aheadNeverCurrent, place))!.count;
    windows.push({ channel: null, keep, ahead });
  }
  return {
    id: release.id,
    status: release.status as ReleaseFacts["status"],
    touchedAtMs: fromTimestamp(release.touched_at),
    currentIn,
    windows,
    ...(await keepingFacts(reader, release.package_id)),
  };
}

/** The release as it stands now, for the check inside the deleting transaction. */
export async function releaseStillThere(reader: Reader, id: string): Promise<ReleaseForCleanup | undefined> {
  return reader.first(releaseForCleanup, { id });
}
