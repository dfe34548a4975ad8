import { ingestProfiles } from "../../ingest/profiles.ts";
import { defineCommand, defineOptions } from "../command.ts";

const directoryArgument = {
  directory: { about: "The directory" },
} as const;

const ingestOptions = defineOptions({
  retentionClass: {
    value: "CLASS",
    about: "How long the package is kept; the store's default class when absent",
  },
  producer: { value: "NAME", about: "Who made what is in it; the profile's when absent" },
  subject: { value: "NAME", about: "What it is about; a run's target profile when absent" },
  metadata: {
    value: "KEY=VALUE",
    type: "pairs",
    about: "A fact of your own, besides what the directory says of itself",
  },
});

const exits = {
  0: "the package is there, finalized: created, or unchanged since an earlier ingest",
  1: "refused: a file cannot be read, changed meanwhile or has a name that no package takes; the run contradicts itself; not allowed",
} as const;

export const packageIngest = defineCommand({
  name: "package ingest",
  summary: "Register a directory as one package",
  description:
    "Registers a directory as one finalized package: every regular file under its relative path. Links, pipes and sockets are named, not followed. " +
    "With --profile guide-board it reads what the run says of itself (ids, counts, commits, reports) into the package's metadata, and refuses a run that " +
    "contradicts itself. A missing store is created.\n\n" +
    "The same directory again is the same package, and nothing is sent. An ingest that was stopped goes on with what is missing when it is run again.",
  args: directoryArgument,
  options: {
    profile: {
      value: "PROFILE",
      about: "What the directory is; any directory when absent",
      choices: ingestProfiles,
    },
    ...ingestOptions,
  },
  examples: [
    "dist package ingest ./run --profile guide-board --retention-class release-evidence --json",
    "dist package ingest ./logs --subject load-test --metadata commit=abc123",
  ],
  exits,
  needs: "store",
  creates: true,
});

export const ingestGuideBoard = defineCommand({
  name: "ingest guide-board",
  summary: "Register a guide board's run as one package",
  description: "Does what package ingest does with --profile guide-board.",
  args: directoryArgument,
  options: ingestOptions,
  examples: ["dist ingest guide-board ./run --retention-class release-evidence --json"],
  exits,
  needs: "store",
  creates: true,
});
