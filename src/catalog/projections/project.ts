import type { DistEvent, EventOf, EventType } from "../../log/events.ts";
import type { Writer } from "../database.ts";
import { appCreated, appUpdated, identityChanged, touchApp } from "./apps.ts";
import { channelCreated, channelPromoted, channelRolledBack, channelUpdated } from "./channels.ts";
import {
  fileAdded,
  fileRemoved,
  fileReplaced,
  packageCreated,
  packageDeleted,
  packageFailed,
  packageFinalized,
} from "./packages.ts";
import {
  artifactValidated,
  releaseDeleted,
  releaseDrafted,
  releasePublished,
  releaseRevoked,
} from "./releases.ts";
import {
  defaultApplied,
  deletionEligible,
  deletionIneligible,
  extended,
  holdApplied,
  holdReleased,
} from "./retention.ts";
import { shareCreated, shareRevoked } from "./shares.ts";
import { tokenCreated, tokenRevoked, tokenUsed } from "./tokens.ts";

/**
 * Updates the views for events, one after the other. A projection reads the event and the views, nothing else: no clock,
 * no random, no state, no bytes; so a replay of the log gives the same views.
 *
 * Every app's row keeps the last event that touched it; that is written by `flush`, once per app, before the transaction
 * ends or anything reads it.
 */
export class Projector {
  readonly #writer: Writer;
  readonly #touched = new Map<string, number>();

  constructor(writer: Writer) {
    this.#writer = writer;
  }

  async project(event: DistEvent): Promise<void> {
    const apply = projections[event.type] as (writer: Writer, event: DistEvent) => Promise<void>;
    await apply(this.#writer, event);
    const appId = (event.data as { app_id?: string | null }).app_id;
    if (appId !== undefined && appId !== null) this.#touched.set(appId, event.seq);
  }

  async flush(): Promise<void> {
    for (const [appId, seq] of this.#touched) await touchApp(this.#writer, appId, seq);
    this.#touched.clear();
  }
}

type Projection<T extends EventType> = (writer: Writer, event: EventOf<T>) => Promise<void>;

/** The event leaves no trace in the views: the log row is all there is of it. */
const logOnly = async (): Promise<void> => {};

const projections: { readonly [T in EventType]: Projection<T> } = {
  "v1.app.created": appCreated,
  "v1.app.updated": appUpdated,
  "v1.app.identity_changed": identityChanged,
  "v1.package.created": packageCreated,
  "v1.package.file_added": fileAdded,
  "v1.package.file_replaced": fileReplaced,
  "v1.package.file_removed": fileRemoved,
  "v1.package.finalized": packageFinalized,
  "v1.package.failed": packageFailed,
  "v1.package.deleted": packageDeleted,
  "v1.release.drafted": releaseDrafted,
  "v1.artifact.validated": artifactValidated,
  "v1.release.published": releasePublished,
  "v1.release.revoked": releaseRevoked,
  "v1.release.deleted": releaseDeleted,
  "v1.channel.created": channelCreated,
  "v1.channel.updated": channelUpdated,
  "v1.channel.promoted": channelPromoted,
  "v1.channel.rolled_back": channelRolledBack,
  "v1.retention.default_applied": defaultApplied,
  "v1.retention.extended": extended,
  "v1.retention.hold_applied": holdApplied,
  "v1.retention.hold_released": holdReleased,
  "v1.retention.deletion_eligible": deletionEligible,
  "v1.retention.deletion_ineligible": deletionIneligible,
  "v1.token.created": tokenCreated,
  "v1.token.used": tokenUsed,
  "v1.token.revoked": tokenRevoked,
  "v1.share.created": shareCreated,
  "v1.share.revoked": shareRevoked,
  "v1.upload.expired": logOnly,
  "v1.object.stored": logOnly,
  "v1.object.deleted": logOnly,
  "v1.store.cleaned": logOnly,
};
