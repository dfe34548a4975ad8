import { newId } from "../src/base/ids.ts";
import type { Database, Transaction } from "../src/catalog/database.ts";

const actor = { actor: "local:bench", actorId: null };
/** What one publication of one artifact into a channel records. */
export const EVENTS_PER_RELEASE = 8;
const RELEASES_PER_TRANSACTION = 500;

/** Records publications of an app into its channel `beta` until there are about `events` of them; answers how many. */
export async function recordReleases(database: Database, slug: string, events: number): Promise<number> {
  const appId = newId("app");
  const releases = Math.ceil(events / EVENTS_PER_RELEASE);
  await database.write(actor, (tx) => recordApp(tx, appId, slug));
  let previous: string | null = null;
  for (let first = 0; first < releases; first += RELEASES_PER_TRANSACTION) {
    const last = Math.min(releases, first + RELEASES_PER_TRANSACTION);
    previous = await database.write(actor, async (tx) => {
      let current = previous;
      for (let number = first; number < last; number += 1) {
        current = await recordRelease(tx, { appId, slug, number, previous: current });
      }
      return current;
    });
  }
  return 2 + releases * EVENTS_PER_RELEASE;
}

async function recordApp(tx: Transaction, appId: string, slug: string): Promise<void> {
  await tx.record({
    type: "v1.app.created",
    subject: appId,
    data: {
      app_id: appId,
      slug,
      display_name: slug,
      owner: null,
      visibility: "unlisted",
      allowed_platforms: ["linux"],
      bundle_ids: {},
      ios_mode: "artifact_only",
      testflight_url: null,
      retention_keep: 0,
      retention_class: null,
    },
  });
  await tx.record({
    type: "v1.channel.created",
    subject: `${appId}/beta`,
    data: {
      app_id: appId,
      channel: "beta",
      promote: "auto",
      require_validation: false,
      from: null,
      min_time_seconds: 0,
      rollout_percent: 100,
      retention_keep: null,
    },
  });
}

async function recordRelease(
  tx: Transaction,
  input: { appId: string; slug: string; number: number; previous: string | null },
): Promise<string> {
  const { appId, number } = input;
  const releaseId = newId("rel");
  const packageId = newId("pkg");
  const sha256 = number.toString(16).padStart(64, "0");
  const digests = { sha256, blake3: sha256 };
  const file = { path: "linux/x86_64/tool.tar.gz", size: 1000, media_type: "application/gzip", ...digests };
  await tx.record({ type: "v1.object.stored", subject: sha256, data: { ...digests, size: 1000 } });
  await tx.record({
    type: "v1.package.created",
    subject: packageId,
    data: {
      app_id: appId,
      package_id: packageId,
      kind: "release",
      producer: null,
      subject: input.slug,
      retention_class: null,
      metadata: { version: `1.${number}`, build: "" },
      key: null,
      created_at: tx.now,
    },
  });
  await tx.record({
    type: "v1.release.drafted",
    subject: releaseId,
    data: {
      app_id: appId,
      release_id: releaseId,
      package_id: packageId,
      version: `1.${number}`,
      build: "",
      channel: "beta",
      notes: null,
      notes_sha256: null,
    },
  });
  await tx.record({
    type: "v1.package.file_added",
    subject: packageId,
    data: { app_id: appId, package_id: packageId, files: [file] },
  });
  await recordArtifact(tx, { appId, releaseId, ...file });
  await tx.record({
    type: "v1.package.finalized",
    subject: packageId,
    data: {
      app_id: appId,
      package_id: packageId,
      manifest_sha256: sha256,
      manifest_size: 500,
      file_count: 1,
      total_size: 1000,
      finalized_at: tx.now,
    },
  });
  await tx.record({
    type: "v1.release.published",
    subject: releaseId,
    data: { app_id: appId, release_id: releaseId, channel: "beta" },
  });
  await tx.record({
    type: "v1.channel.promoted",
    subject: `${appId}/beta`,
    data: {
      app_id: appId,
      channel: "beta",
      release_id: releaseId,
      previous_release_id: input.previous,
      rollout_percent: 100,
      reason: null,
    },
  });
  return releaseId;
}

async function recordArtifact(
  tx: Transaction,
  input: { appId: string; releaseId: string; path: string; size: number; sha256: string; blake3: string },
): Promise<void> {
  const artifactId = newId("art");
  await tx.record({
    type: "v1.artifact.validated",
    subject: artifactId,
    data: {
      app_id: input.appId,
      release_id: input.releaseId,
      artifact_id: artifactId,
      platform: "linux",
      arch: "x86_64",
      format: "tar",
      filename: "tool.tar.gz",
      content_type: "application/gzip",
      path: input.path,
      size: input.size,
      sha256: input.sha256,
      blake3: input.blake3,
      status: "passed",
      metadata: { inspection: { compression: "gzip" } },
      findings: [],
    },
  });
}
