import { provenStream } from "../../blob/proven-stream.ts";
import type { Reader } from "../../catalog/database.ts";
import { channelByName } from "../../catalog/queries/channels.ts";
import { evidenceNaming, locationOf, namesOfObject } from "../../catalog/queries/objects.ts";
import { channelsServing } from "../../catalog/queries/shares.ts";
import type { StorageLocationTable } from "../../catalog/tables.ts";
import { hasScope, mayInApp } from "../access.ts";
import type { Context } from "../context.ts";
import { authErrors, objectErrors, packageErrors, releaseErrors } from "../errors.ts";
import type { Principal } from "../principal.ts";
import type { CountedFile, ObjectRange, OpenedObject } from "../records/objects.ts";

/** One thing that names an object: an artifact, a release's notes, a release's manifest. */
type Name = Awaited<ReturnType<typeof names>>[number];

/** What a name allows somebody who may read it: its bytes, or the knowledge that they were taken away. */
type NameState = "live" | "revoked" | "deleted";

/**
 * Opens an object that something readable names: a live name first, else 410 for a revoked or deleted one, else nothing is
 * said. `artifact` picks whose file name and type are shown. An IPA is read with credentials or by a signed address only,
 * in every mode.
 * Raises `object.not_found`, `release.revoked`, `package.deleted`, `auth.missing_token`.
 */
export async function openObject(
  context: Context,
  sha256: string,
  options: { artifact?: string | undefined; channel?: string | undefined },
): Promise<OpenedObject> {
  const { principal } = context;
  return context.database.read(async (reader) => {
    const best = await bestName(reader, principal, sha256, options.artifact);
    const evidence = best?.state === "live" ? undefined : await evidenceName(reader, principal, sha256);
    if (evidence?.live !== 1) {
      if (best?.state === "revoked") {
        throw releaseErrors.error(
          "release.revoked",
          "The release was revoked; its files are not handed out.",
        );
      }
      if (best?.state === "deleted") {
        throw packageErrors.error("package.deleted", "The release was deleted, and its files with it.");
      }
      if (evidence !== undefined) {
        throw packageErrors.error("package.deleted", "The package was deleted, and its files with it.");
      }
    }
    const row = await reader.first(locationOf, { sha256 });
    if (row?.status === "present" && evidence !== undefined) return openedObject(context, row, evidence);
    if (best === undefined || row === undefined || row.status !== "present") {
      throw objectErrors.error("object.not_found", `There is no object ${sha256}.`, { details: { sha256 } });
    }
    if (lacksCredentials(principal, best.name)) {
      throw authErrors.error("auth.missing_token", "An IPA is downloaded with credentials only.");
    }
    const counted = await countedFile(reader, best.name, options.channel);
    return openedObject(context, row, { ...best.name, isPublic: isPublic(best.name), counted });
  });
}

/**
 * True when something live that the principal may read names the object: a release's artifact, notes or manifest, or a package of
 * evidence.
 */
export async function isNamedFor(reader: Reader, principal: Principal, sha256: string): Promise<boolean> {
  if ((await bestName(reader, principal, sha256))?.state === "live") return true;
  return (await evidenceName(reader, principal, sha256))?.live === 1;
}

/** What a package of evidence calls the object, a live one first; undefined for those who may not read evidence. */
async function evidenceName(reader: Reader, principal: Principal, sha256: string) {
  if (principal.app !== null || !hasScope(principal, "package.read")) return undefined;
  const name = await reader.first(evidenceNaming, { sha256 });
  return name && { ...name, filename: name.path?.split("/").at(-1) ?? null };
}

/** An object that stands at `row`, with what a download says about it. Whoever calls has decided that it may be read. */
export function openedObject(
  { blobs }: Pick<Context, "blobs">,
  row: StorageLocationTable,
  head: {
    readonly content_type: string;
    readonly filename: string | null;
    readonly isPublic?: boolean;
    readonly counted?: CountedFile | null;
  },
): OpenedObject {
  const { sha256, size_bytes: sizeBytes } = row;
  const location = { sha256, key: row.physical_key };
  const fileUrl = blobs.isRemote ? null : blobs.url(location);
  const read = async (range?: ObjectRange) => {
    const bytes = await blobs.read(location, range);
    return blobs.isRemote && isWhole(range, sizeBytes) ? provenStream(bytes, sha256) : bytes;
  };
  return {
    sha256,
    blake3: row.blake3,
    size_bytes: sizeBytes,
    content_type: head.content_type,
    filename: head.filename,
    is_public: head.isPublic ?? false,
    counted: head.counted ?? null,
    physical_key: fileUrl === null ? null : row.physical_key,
    file_url: fileUrl,
    read,
    readChunks: (range) => (blobs.isRemote ? read(range) : blobs.readChunks(location, range)),
    presign: (options) => blobs.presign(location, options),
  };
}

/** Null for icons, notes and manifests. A channel is only believed that the file's app has. */
async function countedFile(
  reader: Reader,
  { id, app_id: app, platform }: Name,
  channel: string | undefined,
): Promise<CountedFile | null> {
  if (platform === null) return null;
  const isChannel =
    channel !== undefined &&
    (await reader.first(channelByName, { app_id: app, name: channel })) !== undefined;
  return { app_id: app, channel: isChannel ? channel : "", release_id: id, platform };
}

function isWhole(range: { start: number; end?: number } | undefined, sizeBytes: number): boolean {
  return range === undefined || (range.start === 0 && (range.end ?? sizeBytes) >= sizeBytes - 1);
}

/**
 * The best of what names the object and the principal may read: live before revoked before deleted, what opens as it is
 * before what needs credentials, the named artifact before others.
 */
async function bestName(
  reader: Reader,
  principal: Principal,
  sha256: string,
  artifact?: string,
): Promise<{ name: Name; state: NameState } | undefined> {
  const readable: { name: Name; state: NameState }[] = [];
  for (const name of await names(reader, sha256)) {
    const state = (await isShared(reader, principal, name)) ? "live" : stateFor(principal, name);
    if (state !== undefined) readable.push({ name, state });
  }
  const rank = ({ name, state }: { name: Name; state: NameState }) =>
    order[state] * 4 + (lacksCredentials(principal, name) ? 2 : 0) - (name.artifact_id === artifact ? 1 : 0);
  return readable.toSorted((left, right) => rank(left) - rank(right))[0];
}

const order: Readonly<Record<NameState, number>> = { live: 1, revoked: 2, deleted: 3 };

function names(reader: Reader, sha256: string) {
  return reader.all(namesOfObject, { sha256 });
}

/** An IPA is for people who show who they are, also where the app is public. */
function lacksCredentials(principal: Principal, { slug, format }: Name): boolean {
  const hasCredentials =
    mayInApp(principal, "read", slug) || principal.share?.app === slug || principal.link !== undefined;
  return format === "ipa" && !hasCredentials;
}

/** Undefined when the principal may not know of the name. */
function stateFor(principal: Principal, name: Name): NameState | undefined {
  const { slug, status } = name;
  if (!isShownTo(principal, name)) return undefined;
  // A draft, and the end of one that expired, is seen only by those who may publish.
  if (name.published_at === null && !mayInApp(principal, "publish", slug)) return undefined;
  if (status === "revoked") return mayInApp(principal, "admin", slug) ? "live" : "revoked";
  return status === "deleted" && name.stays === 0 ? "deleted" : "live";
}

/** Others' names of the same bytes are none of a signed address's business: it stands and falls with its own release. */
function isShownTo(principal: Principal, { slug, visibility, artifact_id: artifact }: Name): boolean {
  if (principal.link !== undefined) return principal.link.artifact === artifact;
  return visibility !== "private" || mayInApp(principal, "read", slug);
}

/** A share link opens what is current in its channels: artifacts and their icons, not notes or manifests of their own. */
async function isShared(reader: Reader, { share }: Principal, name: Name): Promise<boolean> {
  if (share === undefined || share.app !== name.slug || name.artifact_id === null) return false;
  const serving = await reader.all(channelsServing, { release_id: name.id });
  return serving.some((channel) => share.channel === null || channel.name === share.channel);
}

/** What anonymous callers may read, and so caches may keep. */
function isPublic({ visibility, status, format }: Name): boolean {
  return visibility !== "private" && status === "published" && format !== "ipa";
}
