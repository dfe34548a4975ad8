import { naturalBytes } from "../../base/text.ts";
import type { ReleaseComparison } from "../../registry/records/releases.ts";
import type { Run } from "../command.ts";
import { say } from "../escape.ts";
import { releaseRef } from "../release-head.ts";
import type { releaseCompare } from "../specs/release.ts";
import { versionOf } from "../views.ts";

export const run: Run<typeof releaseCompare> = async ({ output, registry }, { args, options }) => {
  const comparison = await (
    await registry()
  ).compareReleases(
    options.app,
    releaseRef(args.from, options.fromBuild),
    releaseRef(args.to, options.toBuild),
  );
  output.result(comparison, () => comparisonText(comparison));
};

type Artifact = ReleaseComparison["artifacts"][number];

function comparisonText({ app, from, to, artifacts }: ReleaseComparison): string {
  const head = say`${app}: from ${versionOf(from)} to ${versionOf(to)}`;
  return [head, ...artifacts.flatMap(artifactLines)].join("\n");
}

const statusWords: Readonly<Record<Artifact["status"], string>> = {
  added: "new",
  removed: "gone",
  changed: "changed",
  same: "the same bytes",
};

function artifactLines({ platform, arch, format, status, changes }: Artifact): string[] {
  const head = say`${platform} ${arch} ${format}: ${statusWords[status]}`;
  return [head, ...changes.map((change) => `  ${changeText(change)}`)];
}

function changeText({ fact, from, to, added, removed }: Artifact["changes"][number]): string {
  const name = fact.replaceAll("_", " ");
  if (fact === "permissions" || fact === "signers" || fact === "findings") {
    const parts = [...added.map((item) => say`+${item}`), ...removed.map((item) => say`-${item}`)];
    return `${name}: ${parts.join(" ")}`;
  }
  if (fact === "size_bytes") {
    const [before, after] = [Number(from), Number(to)];
    const sign = after > before ? "+" : "-";
    return `size: ${naturalBytes(before)} to ${naturalBytes(after)} (${sign}${naturalBytes(Math.abs(after - before))})`;
  }
  return say`${name}: ${from ?? "nothing"} to ${to ?? "nothing"}`;
}
