import { createApp, getApp, listApps, updateApp } from "./apps.ts";
import { listAudit } from "./audit.ts";
import {
  channelHistory,
  getChannel,
  listChannels,
  promote,
  rollback,
  setChannel,
} from "./channels/channels.ts";
import { checkPromotion } from "./channels/check-promotion.ts";
import type { Context } from "./context.ts";
import { readEvents } from "./events.ts";
import { signDownload } from "./links/download-links.ts";
import { leaseObject, lookupObject } from "./objects/look-up-object.ts";
import { openObject } from "./objects/read-objects.ts";
import { uploadObject, uploadObjects } from "./objects/upload-objects.ts";
import { openPackageArchive } from "./packages/archive.ts";
import { createPackage } from "./packages/create-package.ts";
import { failPackage, finalizePackage } from "./packages/finalize-package.ts";
import { listPackageFiles, listPackages } from "./packages/list-packages.ts";
import { addPackageFiles, removePackageFile } from "./packages/package-files.ts";
import { getPackage, openPackageFile, packageManifest } from "./packages/read-package.ts";
import { verifyPackage } from "./packages/verify-package.ts";
import type { Registry } from "./registry.ts";
import { compareReleases } from "./releases/compare-releases.ts";
import { currentArtifact } from "./releases/current-artifact.ts";
import { attachArtifact, draftRelease, publishDraft } from "./releases/draft.ts";
import { checkPublish, publish } from "./releases/publish.ts";
import { getRelease, listReleases, revokeRelease } from "./releases/releases.ts";
import {
  extendRetention,
  getRetention,
  holdPackage,
  releaseHold,
  retentionClasses,
  retentionHistory,
} from "./retention/retention.ts";
import { sweepRetention } from "./retention/sweep.ts";
import { search } from "./search.ts";
import { endSession, listSessions } from "./sessions.ts";
import { createShare, listShares, revokeShare } from "./shares.ts";
import { appStatistics } from "./statistics/app-statistics.ts";
import { storageUsage } from "./statistics/storage-usage.ts";
import { storeStatistics } from "./statistics/store-statistics.ts";
import { storeDecisions } from "./status/status.ts";
import { cleanupStore } from "./store/cleanup.ts";
import { exportStore, importStore, rebuildStore, storeStatus } from "./store/maintenance.ts";
import { verifyStore } from "./store/verify.ts";
import { createToken, listTokens, revokeToken } from "./tokens.ts";
import { appendUpload } from "./uploads/append-upload.ts";
import { createUpload, endUpload, getUpload } from "./uploads/upload-sessions.ts";

/** The use cases on a store of this machine, bound to who is asking. */
export function localRegistry(context: Context): Registry {
  const registry: Registry = {
    createApp: (slug, settings) => createApp(context, slug, settings),
    updateApp: (slug, changes) => updateApp(context, slug, changes),
    getApp: (slug) => getApp(context, slug),
    listApps: (page = {}) => listApps(context, page),
    uploadObject: (source, options = {}) => uploadObject(context, source, options),
    uploadObjects: (sources, options = {}) => uploadObjects(context, sources, options),
    createUpload: (request) => createUpload(context, request),
    getUpload: (id) => getUpload(context, id),
    appendUpload: (id, piece) => appendUpload(context, id, piece),
    endUpload: (id) => endUpload(context, id),
    lookupObject: (sha256) => lookupObject(context, sha256),
    leaseObject: (sha256) => leaseObject(context, sha256),
    openObject: (sha256, options = {}) => openObject(context, sha256, options),
    signDownload: (app, release, artifact, options = {}) =>
      signDownload(context, app, release, artifact, options),
    currentArtifact: (app, channel, request) => currentArtifact(context, app, channel, request),
    checkPublish: (request) => checkPublish(context, request),
    publish: (request) => publish(context, request),
    draftRelease: (request) => draftRelease(context, request),
    attachArtifact: (app, release, artifact, options = {}) =>
      attachArtifact(context, app, release, artifact, options),
    publishDraft: (app, release, options = {}) => publishDraft(context, app, release, options),
    getRelease: (app, release) => getRelease(context, app, release),
    compareReleases: (app, from, to) => compareReleases(context, app, from, to),
    listReleases: (app, options = {}) => listReleases(context, app, options),
    revokeRelease: (app, release, options = {}) => revokeRelease(context, app, release, options),
    listChannels: (app) => listChannels(context, app),
    getChannel: (app, channel) => getChannel(context, app, channel),
    setChannel: (app, channel, changes) => setChannel(context, app, channel, changes),
    promote: (app, channel, request) => promote(context, app, channel, request),
    checkPromotion: (app, channel, release) => checkPromotion(context, app, channel, release),
    rollback: (app, channel, request = {}) => rollback(context, app, channel, request),
    channelHistory: (app, channel, page = {}) => channelHistory(context, app, channel, page),
    createToken: (request) => createToken(context, request),
    listTokens: (page = {}) => listTokens(context, page),
    revokeToken: (id) => revokeToken(context, id),
    listSessions: (request = {}) => listSessions(context, request),
    endSession: (id) => endSession(context, id),
    createShare: (app, request = {}) => createShare(context, app, request),
    listShares: (app, page = {}) => listShares(context, app, page),
    revokeShare: (app, id) => revokeShare(context, app, id),
    listAudit: (filter = {}) => listAudit(context, filter),
    readEvents: (request) => readEvents(context, request),
    appStatistics: (app, request = {}) => appStatistics(context, app, request),
    storeStatistics: (request = {}) => storeStatistics(context, request),
    storageUsage: () => storageUsage(context),
    storeDecisions: () => storeDecisions(context),
    search: (query) => search(context, query),
    createPackage: (request) => createPackage(context, request),
    getPackage: (id) => getPackage(context, id),
    listPackages: (request = {}) => listPackages(context, request),
    listPackageFiles: (id, page = {}) => listPackageFiles(context, id, page),
    addPackageFiles: (id, files, options = {}) => addPackageFiles(context, id, files, options),
    removePackageFile: (id, path) => removePackageFile(context, id, path),
    finalizePackage: (id) => finalizePackage(context, id),
    failPackage: (id, request) => failPackage(context, id, request),
    openPackageFile: (id, path) => openPackageFile(context, id, path),
    openPackageArchive: (id, format) => openPackageArchive(registry, id, format),
    packageManifest: (id) => packageManifest(context, id),
    verifyPackage: (id, options = {}) => verifyPackage(context, id, options),
    retentionClasses: () => retentionClasses(context),
    getRetention: (id) => getRetention(context, id),
    extendRetention: (id, request) => extendRetention(context, id, request),
    holdPackage: (id, request) => holdPackage(context, id, request),
    releaseHold: (id, hold, request) => releaseHold(context, id, hold, request),
    retentionHistory: (id, page = {}) => retentionHistory(context, id, page),
    sweepRetention: () => sweepRetention(context),
    storeStatus: () => storeStatus(context),
    verifyStore: (options = {}) => verifyStore(context, options),
    rebuildStore: (options = {}) => rebuildStore(context, options),
    cleanupStore: (options = {}) => cleanupStore(context, options),
    exportStore: () => exportStore(context),
    importStore: (lines, options = {}) => importStore(context, lines, options),
  };
  return registry;
}
