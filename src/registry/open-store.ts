import { DistError } from "../base/errors.ts";
import { newId } from "../base/ids.ts";
import { misconfigurations } from "../blob/errors.ts";
import { type AppVersion, appVersions } from "./apps.ts";
import type { Context } from "./context.ts";
import { type EventTail, openEventTail } from "./event-tail.ts";
import { requireLive } from "./events.ts";
import type { Idempotency } from "./idempotency.ts";
import { installManifest, signInstallManifest } from "./links/install-manifest.ts";
import { authenticateLink, type PresentedLink } from "./links/signed-links.ts";
import { localRegistry } from "./local-registry.ts";
import { openStoreParts, type StoreOptions } from "./open-store-parts.ts";
import { type Principal, systemPrincipal } from "./principal.ts";
import type { InstallManifest, LinkSignature } from "./records/links.ts";
import type { LockReport, StoreReadiness } from "./records/store.ts";
import type { Registry } from "./registry.ts";
import { mirrorLocks } from "./retention/mirror-locks.ts";
import {
  type AuthenticatedSession,
  authenticateSession,
  endAllSessions,
  type LastLook,
  noteLook,
  type Person,
  requireSession,
  signIn,
  signInPerson,
} from "./sessions.ts";
import { authenticateShare } from "./shares.ts";
import { DownloadCounts } from "./statistics/download-counts.ts";
import { dropExpiredState } from "./store/expired-state.ts";
import { fillViews } from "./store/fill-views.ts";
import { type JobLeases, jobLeases } from "./store/job-leases.ts";
import { storeReadiness } from "./store/maintenance.ts";
import { type NodePresence, nodePresence } from "./store/nodes.ts";
import { requireObjectLock } from "./store/require-object-lock.ts";
import { authenticate, createFirstAdministrator } from "./tokens.ts";
import { expireUploads } from "./uploads/expire-uploads.ts";
import { LiveUploads } from "./uploads/live-uploads.ts";

/** An open store. */
export interface Store {
  /** Everything the product can do, as this principal. */
  as(principal: Principal, options?: { readonly idempotency?: Idempotency | undefined }): Registry;
  /** The principal of a live token. Raises `auth.malformed_token`, `auth.unknown_token`, `auth.revoked`, `auth.expired`. */
  authenticate(secret: string): Promise<Principal>;
  /** A session from a token's secret. Raises what `authenticate` raises. */
  signIn(tokenSecret: string, userAgent: string | null): ReturnType<typeof signIn>;
  /** A session of somebody whom an identity provider vouches for. */
  signInPerson(person: Person, userAgent: string | null): ReturnType<typeof signInPerson>;
  /** Raises `auth.unknown_session`, `auth.revoked`, `auth.expired`. */
  authenticateSession(secret: string): Promise<AuthenticatedSession>;
  /** Raises `auth.unknown_session` when the session has ended. */
  requireSession(id: string): Promise<void>;
  /** Ends all of the principal's sessions. */
  endAllSessions(principal: Principal): Promise<void>;
  /** Answers where in the log the principal looked last, and notes that it is `seq` now. */
  noteLook(principal: Principal, sessionId: string, seq: number): Promise<LastLook | null>;
  /** The principal of a share link's secret. Raises `share.not_found`, `share.expired`, `share.revoked`. */
  authenticateShare(secret: string): Promise<Principal>;
  /** The principal of a signed address. Raises `download.link_invalid`, `download.link_expired`. */
  authenticateLink(link: PresentedLink): Promise<Principal>;
  /**
   * What `manifest.plist` of a channel says, with a signed address of the IPA in it. Raises `app.not_found`,
   * `channel.not_found`, `app.no_install_manifest`.
   */
  installManifest(principal: Principal, app: string, channel: string): Promise<InstallManifest>;
  /** What makes a channel's `manifest.plist` open without credentials. Raises `app.not_found`, `channel.not_found`. */
  signInstallManifest(principal: Principal, app: string, channel: string): Promise<LinkSignature>;
  /** The secret of the first administrator token, made now; null when the store ever had one. */
  createFirstAdministrator(): Promise<string | null>;
  /**
   * Raises `auth.revoked`, `auth.expired`, `auth.unknown_token` when the token behind this principal does not work any
   * more.
   */
  requireLive(principal: Principal): Promise<void>;
  /**
   * Raises `blob.bucket_missing`, `blob.access_denied`, `blob.clock_skewed`, `blob.ca_unreadable`, `blob.no_object_lock`,
   * `blob.locked` when the bytes' place is not one that works as things are set. That it does not answer now is no such thing.
   */
  requireStorage(): Promise<void>;
  /** Ends the uploads that stood still for too long; answers how many. Raises the signal's reason once that is aborted. */
  expireUploads(signal?: AbortSignal): Promise<number>;
  /** Drops what state holds beyond its time, and no query reads: leases, kept answers, old counts of downloads. Resolves to how many rows went. */
  dropExpiredState(): Promise<number>;
  /**
   * Has the object store lock what retention keeps, where the settings want that. Raises `blob.no_object_lock`, what keeps the
   * object store from answering, and the signal's reason once that is aborted.
   */
  mirrorLocks(signal?: AbortSignal): Promise<LockReport>;
  /** Counts what is downloaded from this process; whoever serves the store has it written. */
  readonly downloads: DownloadCounts;
  /** Which of all processes on the store runs a background job. */
  readonly jobs: JobLeases;
  /** Makes this process known to the others on the store; a server's affair, commands come and go. */
  readonly node: NodePresence;
  /** Fills the columns that this version added to the views, when it is time; answers whether it did. */
  fillViews(signal: AbortSignal): Promise<boolean>;
  /** What answers about an app depend on, for this principal. Raises `app.not_found`. */
  appVersion(principal: Principal, slug: string): Promise<AppVersion>;
  /** What keeps the store from working; no problems when database and blob store answer. Raises what the database raises. */
  readiness(): Promise<StoreReadiness>;
  /** Tells when the log grows. */
  readonly tail: EventTail;
  close(): Promise<void>;
}

/**
 * Opens a store: the database its settings name (`dist.db` in its directory, if nothing else) and the objects in the
 * directory. Raises `store.load` when there is none and `create` is false, `store.read_only`, `store.newer_schema`,
 * `store.older_nodes`, `store.damaged`, `store.unreachable`, `store.database_refused`, `clock.skew`.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { database, blobs, clock } = await openStoreParts(options);
  const tail = openEventTail(database);
  const nodeId = newId("node");
  const shared = { database, blobs, uploads: new LiveUploads(), clock, settings: options.settings };
  return {
    as: (principal, request = {}) => localRegistry({ ...shared, principal, ...request }),
    authenticate: (secret) => authenticate(shared, secret),
    signIn: (secret, userAgent) => signIn(shared, secret, userAgent),
    signInPerson: (person, userAgent) => signInPerson(shared, person, userAgent),
    authenticateSession: (secret) => authenticateSession(shared, secret),
    requireSession: (id) => requireSession(shared, id),
    endAllSessions: (principal) => endAllSessions(shared, principal),
    noteLook: (principal, id, seq) => noteLook(shared, principal, id, seq),
    authenticateShare: (secret) => authenticateShare(shared, secret),
    authenticateLink: (link) => authenticateLink(shared, link),
    installManifest: (principal, app, channel) => installManifest({ ...shared, principal }, app, channel),
    signInstallManifest: (principal, app, channel) =>
      signInstallManifest({ ...shared, principal }, app, channel),
    createFirstAdministrator: () => createFirstAdministrator({ ...shared, principal: systemPrincipal }),
    dropExpiredState: () => dropExpiredState({ ...shared, principal: systemPrincipal }),
    mirrorLocks: (signal) => mirrorLocks({ ...shared, principal: systemPrincipal }, signal),
    readiness: () => storeReadiness(shared),
    downloads: new DownloadCounts(shared),
    jobs: jobLeases(shared, nodeId),
    node: nodePresence(shared, nodeId),
    fillViews: (signal) => fillViews({ ...shared, principal: systemPrincipal }, signal),
    appVersion: appVersions(database),
    requireLive: (principal) => requireLive(shared, principal),
    requireStorage: () => requireStorage(shared),
    expireUploads: (signal) => expireUploads({ ...shared, principal: systemPrincipal }, signal),
    tail,
    close: async () => {
      await shared.uploads.close();
      await tail.close();
      await shared.blobs.close();
      await database.close();
    },
  };
}

async function requireStorage({ blobs, settings }: Pick<Context, "blobs" | "settings">): Promise<void> {
  try {
    await blobs.health();
    requireObjectLock(settings, settings.lockAheadMs === null ? null : await blobs.abilities());
  } catch (error) {
    if (error instanceof DistError && misconfigurations.has(error.code)) throw error;
  }
}
