import { defineCommand } from "../command.ts";
import { daysOption } from "./shared.ts";

export const stats = defineCommand({
  name: "stats",
  summary: "Count downloads, publications and events over time",
  description:
    "Counts what was downloaded and published by day and app, and the events of the log by day and hour. Days are UTC days. " +
    "Downloads are counted by servers, without anything about who downloaded.",
  options: daysOption,
  examples: ["dist stats", "dist stats --days 90 --json"],
  exits: { 1: "refused: a number of days that is not 1 to 400" },
  needs: "store",
});

export const search = defineCommand({
  name: "search",
  summary: "Find apps, releases, packages and tokens",
  description:
    "Finds what is called so: apps by any part of their name; releases by version, its beginning, or build; packages by subject, its beginning, " +
    "or run; tokens by name; all of them by id, and files by SHA-256 or at least 8 digits of its beginning. Shows what the token may see, at most " +
    "20 of a kind.",
  args: { query: { about: "A name, version, build, subject, run, id or digest, or its beginning" } },
  examples: ["dist search 4.3.0", "dist search 2c26b46b68ff", "dist search fieldnote --json"],
  exits: { 1: "refused: nothing to look for" },
  needs: "store",
});

export const status = defineCommand({
  name: "status",
  summary: "Show what needs a decision",
  description:
    "Shows what needs a decision, each with the command for it: releases that may go to a channel, rollouts that stand still, findings and " +
    "certificates of what is current, tokens that end, packages that may be deleted, forgotten drafts; and how the store is. Shows what the " +
    "token may see.",
  examples: ["dist status", "dist status --json"],
  needs: "store",
});
