import { defineCommand } from "../command.ts";
import {
  appOption,
  archOption,
  buildOption,
  channelOption,
  fileOptions,
  formatOption,
  headOptions,
  pageOptions,
  platformOption,
  releaseArgument,
} from "./shared.ts";

export const releaseDraft = defineCommand({
  name: "release draft",
  summary: "Open a draft that several jobs attach files to",
  description:
    "Opens a draft of a version, or returns the one that is open. Nothing of a draft shows before release publish. " +
    "It expires after 7 days without a change. A missing store is created.",
  options: {
    ...headOptions,
    channel: {
      value: "NAME",
      about: "The channel to publish to; beats the manifest",
      off: "publish to none",
    },
    notes: { value: "TEXT", about: "What changed; beats the manifest" },
  },
  examples: [
    "dist release draft --app acme-app --version 1.4.0 --build 1042 --channel beta",
    "dist release draft --manifest dist.json",
  ],
  exits: { 1: "refused: the version exists, a value is invalid" },
  needs: "store",
  creates: true,
});

export const releaseAttach = defineCommand({
  name: "release attach",
  summary: "Attach a file to a draft",
  description:
    "Stores a file, checks it, and attaches it to the open draft of the version. The same bytes again change nothing; " +
    "other bytes for the same platform, architecture and format need --replace.",
  args: { file: { about: "The file" } },
  options: {
    ...headOptions,
    platform: { ...platformOption.platform, required: true },
    ...archOption,
    ...fileOptions,
    metadata: { value: "KEY=VALUE", type: "pairs", about: "A fact of your own, kept with the file" },
    replace: { about: "Take the place of a file attached before" },
  },
  examples: [
    "dist release attach out/acme.msi --app acme-app --version 1.4.0 --platform windows --arch x86_64",
  ],
  exits: { 1: "refused: no such draft, another file is attached, the file is invalid" },
  needs: "store",
});

export const releasePublish = defineCommand({
  name: "release publish",
  summary: "Publish a draft",
  description:
    "Publishes the open draft of a version with everything attached to it, and moves the channel if its policy allows. " +
    "A release that is published already is left as it is.",
  options: {
    ...headOptions,
    channel: {
      value: "NAME",
      about: "Publish to this channel; beats draft and manifest",
      off: "publish to none",
    },
  },
  examples: ["dist release publish --app acme-app --version 1.4.0 --build 1042"],
  exits: { 1: "refused: no such draft, nothing attached, a file failed its checks" },
  needs: "store",
});

export const releaseList = defineCommand({
  name: "release list",
  summary: "List an app's releases",
  description: "Lists releases, newest first.",
  options: {
    ...appOption,
    channel: { value: "NAME", about: "Only those published for this channel" },
    ...pageOptions,
  },
  examples: ["dist release list --app acme-app", "dist release list --app acme-app --channel beta --json"],
  exits: { 1: "refused: no such app" },
  needs: "store",
});

export const releaseShow = defineCommand({
  name: "release show",
  summary: "Show a release with its artifacts",
  description: "Shows a release, its artifacts with their digests, and what the checks found.",
  args: releaseArgument,
  options: { ...appOption, ...buildOption },
  examples: [
    "dist release show 1.4.0 --app acme-app",
    "dist release show 1.4.0 --build 1042 --app acme-app --json",
  ],
  exits: { 1: "refused: no such release, or several builds of the version" },
  needs: "store",
});

export const releaseCompare = defineCommand({
  name: "release compare",
  summary: "Show what differs between two releases",
  description:
    "Shows, for each platform, what changed from one release to another: size, version, minimum system, permissions, signers, findings.",
  args: {
    from: { about: "A release: its id, or its version" },
    to: { about: "The release to compare with it" },
  },
  options: {
    ...appOption,
    fromBuild: { value: "BUILD", about: "Where the first version has several builds" },
    toBuild: { value: "BUILD", about: "Where the second version has several builds" },
  },
  examples: [
    "dist release compare 1.3.0 1.4.0 --app acme-app",
    "dist release compare 1.4.0 1.4.0 --from-build 1041 --to-build 1042 --app acme-app --json",
  ],
  exits: { 1: "refused: no such release, or several builds of a version" },
  needs: "store",
});

export const releasePromote = defineCommand({
  name: "release promote",
  summary: "Point a channel at a release",
  description:
    "Moves a channel to a release, if the channel's policy allows. The release that was current before is where a rollback goes.",
  args: releaseArgument,
  options: {
    ...appOption,
    ...channelOption,
    ...buildOption,
    reason: { value: "TEXT", about: "Why; kept in the history" },
    rolloutPercent: {
      value: "N",
      type: "integer",
      about: "The share of devices that update feeds offer it to, 0 (halted) to 100 (default: 100)",
    },
    expect: { value: "RELEASE", about: "Only if the channel points at this release id now" },
    dryRun: { about: "Only say what would change and which rules pass or refuse" },
  },
  examples: [
    "dist release promote 1.4.0 --app acme-app --channel stable --dry-run",
    "dist release promote 1.4.0 --app acme-app --channel stable",
    'dist release promote rel_01h… --app acme-app --channel stable --rollout-percent 10 --reason "first tenth"',
  ],
  exits: { 1: "refused: by the channel's policy, not published, revoked, or the channel moved meanwhile" },
  needs: "store",
});

export const releaseRollback = defineCommand({
  name: "release rollback",
  summary: "Point a channel at the release before",
  description:
    "Moves a channel back to the release that was current before, skipping revoked ones. A second rollback goes one further back.",
  options: {
    ...appOption,
    ...channelOption,
    reason: { value: "TEXT", about: "Why; kept in the history" },
    expect: { value: "RELEASE", about: "Only if the channel points at this release id now" },
  },
  examples: ['dist release rollback --app acme-app --channel stable --reason "crashes on start"'],
  exits: { 1: "refused: no release to go back to, or the channel moved meanwhile" },
  needs: "store",
});

export const releaseRevoke = defineCommand({
  name: "release revoke",
  summary: "Withdraw a release for good",
  description:
    "Revokes a release: its downloads stop, and every channel that points at it rolls back in the same transaction. Final. The bytes stay.",
  args: releaseArgument,
  options: { ...appOption, ...buildOption, reason: { value: "TEXT", about: "Why; kept in the record" } },
  examples: ['dist release revoke 1.4.0 --app acme-app --reason "leaks the password"'],
  exits: { 1: "refused: no such release, not published, revoked already" },
  needs: "store",
});

export const releaseDownload = defineCommand({
  name: "release download",
  summary: "Download a release's files, checked",
  description:
    "Downloads the files of a release, or of the release a channel points at. The digest is checked while the bytes arrive; a file gets its " +
    "name only when it is whole and right. Another file of that name is overwritten only with --force.",
  args: { release: { about: "The release's id (rel_…) or version; or give --channel", optional: true } },
  options: {
    ...appOption,
    ...buildOption,
    channel: { value: "NAME", about: "The release this channel points at" },
    platform: { ...platformOption.platform, about: "Only files for this platform" },
    arch: { ...archOption.arch, about: "Only files for this processor" },
    format: { ...formatOption.format, about: "Only files of this format" },
    output: {
      value: "PATH",
      about: "A file, or a directory for several files; the current directory when absent",
    },
    force: { about: "Overwrite other files" },
  },
  examples: [
    "dist release download --app acme-app --channel stable --platform linux --arch arm64",
    "dist release download 1.4.0 --app acme-app --output downloads/",
  ],
  exits: {
    1: "refused: no such release or file, revoked, another file is in the way",
    4: "the bytes are not what the release names",
  },
  needs: "store",
});
