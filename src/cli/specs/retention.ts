import { defineCommand } from "../command.ts";
import { packageArgument, pageOptions } from "./shared.ts";

export const retentionClasses = defineCommand({
  name: "retention classes",
  summary: "List the retention classes",
  description:
    "Lists the retention classes with the period that a new package of each gets. The periods are the store's settings (dist.toml).",
  examples: ["dist retention classes"],
  needs: "store",
});

export const retentionShow = defineCommand({
  name: "retention show",
  summary: "Show what keeps a package, and until when",
  description:
    "Shows what keeps a package as of this moment: its class, extensions, holds, and for a release channels; or since when and by which rule it may be deleted.",
  args: packageArgument,
  examples: ["dist retention show pkg_01h…", "dist retention show pkg_01h… --json"],
  exits: { 1: "refused: no such package" },
  needs: "store",
});

export const retentionExtend = defineCommand({
  name: "retention extend",
  summary: "Keep a package longer",
  description:
    "Keeps a package until a later time than it is kept now. A period once granted is never made shorter.",
  args: packageArgument,
  options: {
    until: { value: "TIME", about: "Until when, as 2031-01-31T00:00:00Z", required: true },
    reason: { value: "TEXT", about: "Why; it is refused without one" },
  },
  examples: ['dist retention extend pkg_01h… --until 2031-01-31T00:00:00Z --reason "the audit is not over"'],
  exits: { 1: "refused: no such package, no reason, not later than it is kept already, deleted" },
  needs: "store",
});

export const retentionHold = defineCommand({
  name: "retention hold",
  summary: "Keep a package until the hold is released",
  description:
    "Puts a hold on a package: as long as it has one, nothing deletes it, whatever its date. It can have several.",
  args: packageArgument,
  options: {
    reason: { value: "TEXT", about: "Why; it is refused without one" },
    case: { value: "CASE", about: "The case it is for" },
  },
  examples: ['dist retention hold pkg_01h… --reason "legal dispute" --case 2026-117'],
  exits: { 1: "refused: no such package, no reason, deleted" },
  needs: "store",
});

export const retentionRelease = defineCommand({
  name: "retention release",
  summary: "Release a hold",
  description: "Ends one hold of a package. What else keeps the package goes on keeping it.",
  args: { ...packageArgument, hold: { about: "The hold's id (hold_…), as retention show prints it" } },
  options: { reason: { value: "TEXT", about: "Why; it is refused without one" } },
  examples: ['dist retention release pkg_01h… hold_01h… --reason "case closed"'],
  exits: { 1: "refused: no such package or hold, no reason, released before" },
  needs: "store",
});

export const retentionHistory = defineCommand({
  name: "retention history",
  summary: "Show all that happened to a package's retention",
  description:
    "Lists the events of a package's retention from the log, oldest first; of a deleted package too.",
  args: packageArgument,
  options: pageOptions,
  examples: ["dist retention history pkg_01h…", "dist retention history pkg_01h… --limit 1000 --json"],
  exits: { 1: "refused: no such package" },
  needs: "store",
});

export const retentionSweep = defineCommand({
  name: "retention sweep",
  summary: "Record which packages may go by now",
  description:
    "Looks which packages' time has passed while nothing holds them, and records it, once for each; and which are needed again. Deletes nothing: store " +
    "cleanup does. A server does the same by itself every hour.",
  examples: ["dist retention sweep", "dist retention sweep --json"],
  exits: { 1: "refused: the token may not", 3: "the clock cannot be trusted, or the store did not answer" },
  needs: "store",
});
