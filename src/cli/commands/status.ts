import { naturalBytes } from "../../base/text.ts";
import type { StoreDecisions } from "../../registry/records/status.ts";
import type { Run } from "../command.ts";
import { say } from "../escape.ts";
import type { status } from "../specs/overview.ts";
import { fields } from "../table.ts";

export const run: Run<typeof status> = async ({ output, registry }) => {
  const found = await (await registry()).storeDecisions();
  output.result(found, () => statusText(found));
};

function statusText({ decisions, more, health }: StoreDecisions): string {
  const lines = decisions.flatMap(({ severity, app, message, command }) => [
    app === null ? say`${severity}  ${message}` : say`${severity}  ${app}: ${message}`,
    say`      ${command}`,
  ]);
  return [
    ...(decisions.length === 0 ? ["Nothing needs a decision."] : lines),
    ...(more.length === 0 ? [] : [`There are more of ${more.join(", ")}.`]),
    ...(health === null ? [] : ["", healthText(health)]),
  ].join("\n");
}

function healthText({ database, storage, nodes, jobs }: NonNullable<StoreDecisions["health"]>): string {
  const { free_bytes: free, total_bytes: total } = storage;
  return fields([
    [
      "Database",
      `${database.engine}, ${naturalBytes(database.size_bytes)}, answers in ${database.answer_ms} ms`,
    ],
    ["Storage", storage.problems.length === 0 ? `${storage.backend}, ok` : storage.problems.join(", ")],
    ...(free === null || total === null
      ? []
      : [["Free", `${naturalBytes(free)} of ${naturalBytes(total)}`] as const]),
    [
      "Servers",
      nodes
        .filter(({ live }) => live)
        .map(({ name }) => name)
        .join(", "),
    ],
    [
      "Jobs",
      jobs
        .map(({ name, running, finished_at: at }) => `${name} ${running ? "runs" : (at ?? "cut short")}`)
        .join(", "),
    ],
  ]);
}
