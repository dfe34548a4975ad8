import { DistError } from "../base/errors.ts";
import type { AppRecord } from "../registry/records/apps.ts";
import type { ReleaseRef } from "../registry/records/releases.ts";
import type { Registry } from "../registry/registry.ts";
import { path, query } from "./address-parts.ts";
import { Api, type ApiRequest } from "./api.ts";
import { creation } from "./creation.ts";
import { lookupObject, openObject } from "./download.ts";
import { clientErrors } from "./errors.ts";
import { connectionFailure, Transient } from "./failures.ts";
import { packages } from "./packages.ts";
import { appendUpload, createUpload, endUpload, getUpload } from "./pieces.ts";
import { retention } from "./retention.ts";
import { defaultTiming, type Timing } from "./retry.ts";
import { type Proxies, serverAddress } from "./server-address.ts";
import { leaseObject, uploadObject, uploadObjects } from "./upload.ts";

export interface ConnectOptions {
  /** `https://…` or `http://…`, with a path when the server stands behind one. */
  readonly server: string;
  /** Undefined for an anonymous caller. */
  readonly token: string | undefined;
  /** Certificate authorities to trust besides the machine's, as PEM. */
  readonly caFile?: string | undefined;
  readonly proxies?: Proxies | undefined;
  readonly timing?: Timing | undefined;
}

/**
 * A registry over HTTP. Nothing is sent before the first method is called; `close` ends the connections. Methods raise what the interface
 * says, and `client.unavailable`, `client.tls`, `client.redirected`, `client.invalid_name`.
 * Raises `client.invalid_server`, `client.invalid_proxy`, `client.ca_file`, `auth.malformed_token`.
 */
export function connect(options: ConnectOptions): Registry & { close(): Promise<void> } {
  const { server, token, timing = defaultTiming } = options;
  // What cannot stand in a header; the token itself is not shown.
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new DistError(
      "auth.malformed_token",
      "unauthenticated",
      "The token is empty or has characters that no token has.",
    );
  }
  const address = serverAddress(server, options);
  const api = new Api(address, token, timing);
  return {
    ...appsAndReleases(api),
    ...channels(api),
    ...bytes(api),
    ...packages(api),
    ...retention(api),
    ...facts(api),
    ...administration(api),
    close: async () => address.close(),
  };
}

type AppsAndReleases =
  | "createApp"
  | "updateApp"
  | "getApp"
  | "listApps"
  | "checkPublish"
  | "publish"
  | "draftRelease"
  | "attachArtifact"
  | "publishDraft"
  | "getRelease"
  | "compareReleases"
  | "listReleases"
  | "revokeRelease";

function appsAndReleases(api: Api): Pick<Registry, AppsAndReleases> {
  return {
    createApp: (slug, settings) => api.call(creation("/api/apps", { slug, ...settings })),
    updateApp: (slug, json) => api.call({ method: "PATCH", path: path`/api/apps/${slug}`, json }),
    getApp: async (slug) => {
      const { app } = await api.call<{ app: AppRecord }>({ method: "GET", path: path`/api/apps/${slug}` });
      return app;
    },
    listApps: (page = {}) => api.call({ method: "GET", path: `/api/apps${query({ ...page })}` }),

    checkPublish: async ({ artifacts, ...head }) => {
      const platforms = artifacts.map(({ platform }) => ({ platform }));
      const check = { ...head, artifacts: platforms, dry_run: true };
      // Nothing is created, so there is nothing for a key to protect.
      await api.call({
        method: "POST",
        path: path`/api/apps/${head.app}/releases`,
        json: check,
        repeatable: true,
      });
    },
    publish: (request) => api.call(creation(path`/api/apps/${request.app}/releases`, request)),
    draftRelease: (request) =>
      api.call(creation(path`/api/apps/${request.app}/releases`, { ...request, draft: true })),
    attachArtifact: (app, release, artifact, { replace } = {}) =>
      api.call(creation(releasePath(app, release, "/artifacts"), { ...artifact, replace })),
    publishDraft: (app, release, { channel } = {}) =>
      api.call(creation(releasePath(app, release, "/publish"), { channel })),
    getRelease: (app, release) => api.call({ method: "GET", path: releasePath(app, release) }),
    compareReleases: (app, from, to) =>
      api.call({
        method: "GET",
        path:
          path`/api/apps/${app}/releases/${to.release}/comparison` +
          query({ build: to.build, with: from.release, with_build: from.build }),
      }),
    listReleases: (app, filter = {}) =>
      api.call({ method: "GET", path: path`/api/apps/${app}/releases` + query({ ...filter }) }),
    revokeRelease: (app, release, { reason } = {}) =>
      api.call({ method: "POST", path: releasePath(app, release, "/revoke"), json: { reason } }),
  };
}

type Channels =
  | "listChannels"
  | "getChannel"
  | "setChannel"
  | "promote"
  | "checkPromotion"
  | "rollback"
  | "channelHistory"
  | "currentArtifact";

function channels(api: Api): Pick<Registry, Channels> {
  return {
    listChannels: (app) => api.call({ method: "GET", path: path`/api/apps/${app}/channels` }),
    getChannel: (app, channel) =>
      api.call({ method: "GET", path: path`/api/apps/${app}/channels/${channel}` }),
    setChannel: (app, channel, json) =>
      api.call({ method: "PUT", path: path`/api/apps/${app}/channels/${channel}`, json }),
    checkPromotion: (app, channel, { release, build }) =>
      api.call({
        method: "GET",
        path: path`/api/apps/${app}/channels/${channel}/promotion` + query({ release, build }),
      }),
    // Neither is tried again when its answer is lost: what moved meanwhile would be moved once more.
    promote: (app, channel, json) =>
      api.call({ method: "POST", path: path`/api/apps/${app}/channels/${channel}/promote`, json }),
    rollback: (app, channel, json = {}) =>
      api.call({ method: "POST", path: path`/api/apps/${app}/channels/${channel}/rollback`, json }),
    channelHistory: (app, channel, page = {}) =>
      api.call({
        method: "GET",
        path: path`/api/apps/${app}/channels/${channel}/history` + query({ ...page }),
      }),
    currentArtifact: (app, channel, { platform, arch, format }) =>
      api.call({
        method: "GET",
        path: path`/api/apps/${app}/channels/${channel}/current/${platform}` + query({ arch, format }),
      }),
  };
}

type Bytes =
  | "uploadObject"
  | "uploadObjects"
  | "createUpload"
  | "getUpload"
  | "appendUpload"
  | "endUpload"
  | "lookupObject"
  | "leaseObject"
  | "openObject"
  | "signDownload";

function bytes(api: Api): Pick<Registry, Bytes> {
  return {
    createUpload: (request) => createUpload(api, request),
    getUpload: (id) => api.persist(() => getUpload(api, id), { repeatable: true }),
    appendUpload: async (id, piece) => {
      const upload = await api.persist(() => getUpload(api, id), { repeatable: true });
      return api.persist(() => appendUpload(api, upload, piece), { repeatable: false });
    },
    endUpload: (id) => api.persist(() => endUpload(api, id), { repeatable: true }),
    uploadObject: (source, options = {}) => uploadObject(api, source, options),
    uploadObjects: (sources, options = {}) => uploadObjects(api, sources, options),
    lookupObject: (sha256) => lookupObject(api, sha256),
    leaseObject: (sha256) => leaseObject(api, sha256),
    openObject: (sha256, options = {}) => openObject(api, sha256, options),
    // Nothing is kept of a signature, so a second one is as good as the first.
    signDownload: (app, release, artifact, json = {}) =>
      api.call({
        method: "POST",
        path: releasePath(app, release, path`/artifacts/${artifact}/link`),
        json,
        repeatable: true,
      }),
  };
}

type Facts = "appStatistics" | "storeStatistics" | "storageUsage" | "storeDecisions" | "search";

function facts(api: Api): Pick<Registry, Facts> {
  return {
    appStatistics: (app, request = {}) =>
      api.call({ method: "GET", path: path`/api/apps/${app}/statistics` + query({ ...request }) }),
    storeStatistics: (request = {}) =>
      api.call({ method: "GET", path: `/api/statistics${query({ ...request })}` }),
    search: (text) => api.call({ method: "GET", path: `/api/search${query({ q: text })}` }),
    storeDecisions: () => api.call({ method: "GET", path: "/api/status" }),
    storageUsage: () => api.call({ method: "GET", path: "/api/storage" }),
  };
}

type Administration =
  | "createShare"
  | "listShares"
  | "revokeShare"
  | "createToken"
  | "listTokens"
  | "revokeToken"
  | "listSessions"
  | "endSession"
  | "listAudit"
  | "readEvents"
  | "storeStatus"
  | "verifyStore"
  | "rebuildStore"
  | "cleanupStore"
  | "exportStore"
  | "importStore";

function administration(api: Api): Pick<Registry, Administration> {
  return {
    // Creations of secrets are not tried again when the answer is lost: a replay would not hold the secret.
    createShare: (app, json = {}) => api.call({ method: "POST", path: path`/api/apps/${app}/shares`, json }),
    listShares: (app, page = {}) =>
      api.call({ method: "GET", path: path`/api/apps/${app}/shares` + query({ ...page }) }),
    revokeShare: (app, id) => api.call({ method: "DELETE", path: path`/api/apps/${app}/shares/${id}` }),
    createToken: (json) => api.call({ method: "POST", path: "/api/tokens", json }),
    listTokens: (page = {}) => api.call({ method: "GET", path: `/api/tokens${query({ ...page })}` }),
    revokeToken: (id) => api.call({ method: "POST", path: path`/api/tokens/${id}/revoke`, json: {} }),
    listSessions: (request = {}) =>
      api.call({ method: "GET", path: `/api/sessions${query({ ...request })}` }),
    endSession: (id) => api.call({ method: "POST", path: path`/api/sessions/${id}/end`, json: {} }),
    listAudit: (filter = {}) => api.call({ method: "GET", path: `/api/audit${query({ ...filter })}` }),
    readEvents: (request) => api.call({ method: "GET", path: `/api/events${query({ ...request })}` }),
    storeStatus: () => api.call({ method: "GET", path: "/api/store/status" }),
    verifyStore: ({ signal } = {}) => api.call(storeWork("verify", {}, signal)),
    rebuildStore: ({ signal } = {}) => api.call(storeWork("rebuild", {}, signal)),
    cleanupStore: ({ apply = false, signal } = {}) => api.call(storeWork("cleanup", { apply }, signal)),
    exportStore: () => exportStore(api),
    importStore: async () => {
      throw clientErrors.error(
        "client.not_remote",
        "A store is imported on its own machine, not over a server.",
        {
          hint: "Use --local-store DIR.",
        },
      );
    },
  };
}

function storeWork(what: string, json: object, signal: AbortSignal | undefined): ApiRequest {
  return { method: "POST", path: `/api/store/${what}`, json, signal, patient: true };
}

function releasePath(app: string, { release, build }: ReleaseRef, below = ""): string {
  return path`/api/apps/${app}/releases/${release}` + below + query({ build });
}

async function* exportStore(api: Api): AsyncGenerator<string> {
  const response = await api.open({ method: "GET", path: "/api/store/export", patient: true });
  try {
    response.setEncoding("utf8");
    for await (const piece of response as AsyncIterable<string>) yield piece;
  } catch (cause) {
    const failure = connectionFailure(cause, api.origin);
    throw failure instanceof Transient ? failure.error : failure;
  } finally {
    response.destroy();
  }
}
