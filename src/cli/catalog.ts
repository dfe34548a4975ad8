import { type CommandEntry, entry } from "./command.ts";
import type { CommandGroup, CommandWord } from "./help.ts";
import * as access from "./specs/access.ts";
import * as app from "./specs/app.ts";
import * as channel from "./specs/channel.ts";
import * as ingest from "./specs/ingest.ts";
import * as overview from "./specs/overview.ts";
import * as pack from "./specs/package.ts";
import * as publish from "./specs/publish.ts";
import * as release from "./specs/release.ts";
import * as retention from "./specs/retention.ts";
import * as server from "./specs/server.ts";
import * as store from "./specs/store.ts";
import * as tools from "./specs/tools.ts";

/** What evidence is kept with. What runs a command is loaded when it runs. */
export const evidenceGroup: CommandGroup = {
  heading: "Evidence",
  words: [
    family("package", "Packages: files, a manifest that proves them, and until when they stay", [
      entry(pack.packageCreate, () => import("./commands/package-create.ts")),
      entry(pack.packageAdd, () => import("./commands/package-add.ts")),
      entry(pack.packageRemove, () => import("./commands/package-remove.ts")),
      entry(pack.packageFinalize, () => import("./commands/package-finalize.ts")),
      entry(pack.packageFail, () => import("./commands/package-fail.ts")),
      entry(pack.packageShow, () => import("./commands/package-show.ts")),
      entry(pack.packageList, () => import("./commands/package-list.ts")),
      entry(pack.packageFiles, () => import("./commands/package-files.ts")),
      entry(pack.packageManifest, () => import("./commands/package-manifest.ts")),
      entry(pack.packageDownload, () => import("./commands/package-download.ts")),
      entry(pack.packageVerify, () => import("./commands/package-verify.ts")),
      entry(ingest.packageIngest, () => import("./commands/package-ingest.ts")),
    ]),
    family("ingest", "Assessment runs, each as one package", [
      entry(ingest.ingestGuideBoard, () => import("./commands/ingest-guide-board.ts")),
    ]),
    family("retention", "Retention: what keeps a package, and until when", [
      entry(retention.retentionClasses, () => import("./commands/retention-classes.ts")),
      entry(retention.retentionShow, () => import("./commands/retention-show.ts")),
      entry(retention.retentionExtend, () => import("./commands/retention-extend.ts")),
      entry(retention.retentionHold, () => import("./commands/retention-hold.ts")),
      entry(retention.retentionRelease, () => import("./commands/retention-release.ts")),
      entry(retention.retentionHistory, () => import("./commands/retention-history.ts")),
      entry(retention.retentionSweep, () => import("./commands/retention-sweep.ts")),
    ]),
  ],
};

/** Every command, in the order and under the headings of `dist --help`. */
export const commandGroups: readonly CommandGroup[] = [
  {
    heading: "Publish",
    words: [
      command(entry(publish.init, () => import("./commands/init.ts"))),
      family("ci", "Publish from a CI job", [
        entry(publish.ciPublish, () => import("./commands/ci-publish.ts")),
      ]),
    ],
  },
  {
    heading: "Releases",
    words: [
      family("app", "Apps and their settings", [
        entry(app.appCreate, () => import("./commands/app-create.ts")),
        entry(app.appList, () => import("./commands/app-list.ts")),
        entry(app.appShow, () => import("./commands/app-show.ts")),
        entry(app.appStats, () => import("./commands/app-stats.ts")),
        entry(app.appSet, () => import("./commands/app-set.ts")),
      ]),
      family("release", "Releases: make, inspect, move, withdraw, fetch", [
        entry(release.releaseDraft, () => import("./commands/release-draft.ts")),
        entry(release.releaseAttach, () => import("./commands/release-attach.ts")),
        entry(release.releasePublish, () => import("./commands/release-publish.ts")),
        entry(release.releaseList, () => import("./commands/release-list.ts")),
        entry(release.releaseShow, () => import("./commands/release-show.ts")),
        entry(release.releaseCompare, () => import("./commands/release-compare.ts")),
        entry(release.releasePromote, () => import("./commands/release-promote.ts")),
        entry(release.releaseRollback, () => import("./commands/release-rollback.ts")),
        entry(release.releaseRevoke, () => import("./commands/release-revoke.ts")),
        entry(release.releaseDownload, () => import("./commands/release-download.ts")),
      ]),
      family("channel", "Channels: where they point and who may move them", [
        entry(channel.channelList, () => import("./commands/channel-list.ts")),
        entry(channel.channelShow, () => import("./commands/channel-show.ts")),
        entry(channel.channelSet, () => import("./commands/channel-set.ts")),
        entry(channel.channelHistory, () => import("./commands/channel-history.ts")),
      ]),
    ],
  },
  evidenceGroup,
  {
    heading: "Access",
    words: [
      family("token", "Tokens for programs", [
        entry(access.tokenCreate, () => import("./commands/token-create.ts")),
        entry(access.tokenList, () => import("./commands/token-list.ts")),
        entry(access.tokenRevoke, () => import("./commands/token-revoke.ts")),
      ]),
      family("session", "Who is signed in to the console", [
        entry(access.sessionList, () => import("./commands/session-list.ts")),
        entry(access.sessionEnd, () => import("./commands/session-end.ts")),
      ]),
      family("share", "Links that open an app to whoever has them", [
        entry(access.shareCreate, () => import("./commands/share-create.ts")),
        entry(access.shareList, () => import("./commands/share-list.ts")),
        entry(access.shareRevoke, () => import("./commands/share-revoke.ts")),
      ]),
      family("audit", "The record of all changes", [
        entry(access.auditList, () => import("./commands/audit-list.ts")),
      ]),
    ],
  },
  {
    heading: "Care",
    words: [
      command(entry(overview.status, () => import("./commands/status.ts"))),
      command(entry(overview.search, () => import("./commands/search.ts"))),
      command(entry(overview.stats, () => import("./commands/stats.ts"))),
      family("server", "The server", [entry(server.serverRun, () => import("./commands/server-run.ts"))]),
      family("store", "A store's health", [
        entry(store.storeStatus, () => import("./commands/store-status.ts")),
        entry(store.storeUsage, () => import("./commands/store-usage.ts")),
        entry(store.storeVerify, () => import("./commands/store-verify.ts")),
        entry(store.storeRebuild, () => import("./commands/store-rebuild.ts")),
        entry(store.storeCleanup, () => import("./commands/store-cleanup.ts")),
        entry(store.storeExport, () => import("./commands/store-export.ts")),
        entry(store.storeImport, () => import("./commands/store-import.ts")),
        entry(store.storeMigrate, () => import("./commands/store-migrate.ts")),
      ]),
    ],
  },
  {
    heading: "Tools",
    words: [
      command(entry(tools.inspect, () => import("./commands/inspect.ts"))),
      command(entry(tools.completion, () => import("./commands/completion.ts"))),
    ],
  },
];

/** All commands of some groups, flat. */
export function commandsOf(groups: readonly CommandGroup[]): readonly CommandEntry[] {
  return groups.flatMap(({ words }) => words.flatMap(({ entries }) => entries));
}

function command(only: CommandEntry): CommandWord {
  return { word: only.spec.name, summary: only.spec.summary, entries: [only] };
}

/** Several commands under one first word. */
function family(word: string, summary: string, entries: readonly CommandEntry[]): CommandWord {
  return { word, summary, entries };
}
