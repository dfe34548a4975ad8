import { setTimeout as sleep } from "node:timers/promises";

import type { AuditFilter, AuditRecord } from "../../registry/records/events.ts";
import type { Registry } from "../../registry/registry.ts";
import type { InputOf, Run } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { cliErrors } from "../errors.ts";
import { say } from "../escape.ts";
import type { ExitReason } from "../exit-codes.ts";
import { pageRequest } from "../page-request.ts";
import type { auditList } from "../specs/access.ts";
import { table } from "../table.ts";
import { printPage } from "../views.ts";

const pollMs = 500;
/** Entries a following poll asks for at once. */
const pollLimit = 1000;

export const run: Run<typeof auditList> = async (context, { options }) => {
  if (options.follow && (options.after !== undefined || options.until !== undefined)) {
    throw cliErrors.error(
      "usage.conflicting_options",
      "--follow goes on from the last entries: leave out --after and --until.",
    );
  }
  const registry = await context.registry();
  const filter = auditFilter(options);
  if (options.follow) return follow(context, registry, filter, options.limit);
  const page = await registry.listAudit({ ...filter, ...pageRequest(options) });
  printPage(context.output, page, "Nothing is recorded.", (records) =>
    table(
      ["WHEN", "ACTION", "ACTOR", "TARGET", "NUMBER"],
      records.map((record) => [record.created_at, record.action, record.actor, record.target_id, record.id]),
    ),
  );
  return undefined;
};

/** Prints until it is stopped. The log's times never go back, so whatever is new is at or after the last one's. */
async function follow(
  context: CommandContext,
  registry: Registry,
  filter: AuditFilter,
  limit: number,
): Promise<ExitReason> {
  const { output, signal } = context;
  const recent = await registry.listAudit({ ...filter, limit });
  let last = print(context, recent.items.toReversed(), undefined);
  while (!signal.aborted && !output.closed) {
    await sleep(pollMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) break;
    last = await printSince(context, registry, filter, last);
  }
  return signal.reason === "terminated" ? "terminated" : "interrupted";
}

async function printSince(
  context: CommandContext,
  registry: Registry,
  filter: AuditFilter,
  last: AuditRecord | undefined,
): Promise<AuditRecord | undefined> {
  let newest = last;
  let after: string | null = null;
  do {
    const page = await registry.listAudit({
      ...filter,
      ...(last !== undefined && { since: last.created_at }),
      order: "ascending",
      limit: pollLimit,
      ...(after !== null && { after }),
    });
    newest = print(context, page.items, newest);
    after = page.next;
  } while (after !== null && !context.signal.aborted && !context.output.closed);
  return newest;
}

/** Prints those after `last` and answers the last one printed. */
function print(
  { output }: CommandContext,
  records: readonly AuditRecord[],
  last: AuditRecord | undefined,
): AuditRecord | undefined {
  const fresh = records.filter(({ id }) => last === undefined || id > last.id);
  for (const record of fresh) {
    output.item(
      record,
      () => say`${record.created_at}  ${record.action}  ${record.actor}  ${record.target_id}`,
    );
  }
  return fresh.at(-1) ?? last;
}

function auditFilter(options: InputOf<typeof auditList>["options"]): AuditFilter {
  const { app, actor, action, target, since, until } = options;
  return {
    ...(app !== undefined && { app }),
    ...(actor !== undefined && { actor }),
    ...(action !== undefined && { action }),
    ...(target !== undefined && { target }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
  };
}
