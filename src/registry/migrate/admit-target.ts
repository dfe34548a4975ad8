import type { Database, Reader } from "../../catalog/database.ts";
import { eventBytes, readLog } from "../../catalog/log-reader.ts";
import { locationsAfter } from "../../catalog/queries/objects.ts";
import { setLogId } from "../../catalog/log-replay.ts";
import { logHead } from "../../catalog/transaction.ts";
import { migrationErrors } from "../errors.ts";
import { systemPrincipal } from "../principal.ts";

/**
 * Makes an empty target the source's, by its log's identity: so a migration that was interrupted is known again, and no other
 * goes on with it. Raises `migration.other_log`, `migration.diverged`.
 */
export async function admitTarget(source: Database, target: Database): Promise<void> {
  const { log_id: logId } = (await source.first(logHead, {}))!;
  await target.write(systemPrincipal, async (tx) => {
    const present = (await tx.first(logHead, {}))!;
    if (present.log_id === logId) return;
    const isEmpty =
      present.head === 0 && (await tx.all(locationsAfter, { sha256: "", limit: 1 })).length === 0;
    if (!isEmpty) {
      throw migrationErrors.error("migration.other_log", `The target holds the log ${present.log_id}.`, {
        details: { source_log_id: logId, target_log_id: present.log_id, target_head: present.head },
        hint: "Name a target that is empty, or one that was begun from this source.",
      });
    }
    await tx.run(setLogId, { log_id: logId });
  });
  await target.read((reader) => requireSharedLog(source, reader));
}

/** Raises `migration.diverged` unless every event of the target is the source's. */
export async function requireSharedLog(source: Database, target: Reader): Promise<void> {
  const { head } = (await target.first(logHead, {}))!;
  if (head === 0) return;
  await source.read(async (reader) => {
    const own = readLog(target, eventBytes, { after: 0 });
    for await (const { row } of readLog(reader, eventBytes, { after: 0 })) {
      const there = (await own.next()).value?.row;
      if (there === undefined) return;
      if (Buffer.compare(there.leaf_hash, row.leaf_hash) !== 0) throw diverged(row.seq);
    }
    const beyond = (await own.next()).value?.row;
    if (beyond !== undefined) throw diverged(beyond.seq);
  });
}

function diverged(seq: number) {
  return migrationErrors.error(
    "migration.diverged",
    `Event ${seq} of the target is not the source's: the target was written to by itself.`,
    { details: { seq }, hint: "Name another target." },
  );
}
