import { text as readText } from "node:stream/consumers";

import { DistError } from "../../../base/errors.ts";
import type { ChannelRecord } from "../../../registry/records/channels.ts";
import type { RetentionRecord } from "../../../registry/records/packages.ts";
import type { ReleaseRecord } from "../../../registry/records/releases.ts";
import { shownName, versionText } from "../../pages/wording.ts";
import { appPath, auditPath, channelPath, packagePath, releasePath } from "../addresses.ts";
import { orderedChannels } from "../channel-words.ts";
import { Changes } from "../components/changes.tsx";
import { Digest, ShortId } from "../components/copy.tsx";
import { Head, LinkButton, Part } from "../components/part.tsx";
import { ReleaseFacts, ReleaseFiles } from "../components/release-files.tsx";
import { ReleaseStatus } from "../components/status.tsx";
import { Time } from "../components/time.tsx";
import { EventRows } from "../event-words.tsx";
import type { Page } from "../frame.tsx";
import type { MountPages } from "../mount-console.ts";
import { may, mayMove, type Viewer } from "../viewer.ts";

/** The latest of its history. */
const EVENTS_SHOWN = 20;
/** So many of the newest are looked through for the one before. */
const RELEASES_BEFORE = 50;

/** `GET /admin/apps/{app}/releases/{id}`. */
export const mountRelease: MountPages = (app, { show }) => {
  app.get(
    "/admin/apps/:app/releases/:id",
    show((viewer, c) => releasePage(viewer, c.req.param("app")!, c.req.param("id")!)),
  );
};

/** The way to a page below a release. */
export function releaseCrumbs(release: ReleaseRecord, isWhole: boolean) {
  return [
    { label: "Apps", href: "/admin/apps" },
    { label: release.app, href: appPath(release.app) },
    ...(isWhole ? [{ label: versionText(release), href: releasePath(release) }] : []),
  ];
}

async function releasePage(viewer: Viewer, slug: string, id: string): Promise<Page> {
  const { registry, nowMs } = viewer;
  const release = await registry.getRelease(slug, { release: id });
  const channels = orderedChannels((await registry.listChannels(slug)).items);
  const before = await releaseBefore(viewer, release, channels);
  const comparison =
    before === undefined
      ? undefined
      : await registry.compareReleases(slug, { release: before.id }, { release: release.id });
  const retention = await retentionOf(viewer, release);
  const icon = release.artifacts.find(({ icon_sha256: sha256 }) => sha256 !== null)?.icon_sha256 ?? null;
  const events = may(viewer, "audit", slug)
    ? (await registry.listAudit({ app: slug, target: release.id, limit: EVENTS_SHOWN })).items
    : [];
  const content = (
    <>
      <Head
        title={
          <>
            {release.version} {release.build !== "" && <span class="build">{release.build}</span>}
          </>
        }
        picture={icon === null ? null : `/download/${icon}`}
        meta={
          <>
            <ReleaseStatus status={release.status} />
            <span>
              {release.published_at === null ? "not published" : "published "}
              {release.published_at !== null && <Time at={release.published_at} nowMs={nowMs} isInSentence />}
            </span>
            {release.created_by !== null && <span>by {shownName(release.created_by)}</span>}
            <ShortId id={release.id} />
          </>
        }
        actions={<Actions viewer={viewer} release={release} channels={channels} before={before} />}
      />
      <div class="columns">
        <div>
          <Part title="Files">
            <ReleaseFiles release={release} />
          </Part>
          {comparison !== undefined && (
            <Part
              title="Differences"
              note={
                <>
                  from <a href={releasePath(before!)}>{versionText(before!)}</a>
                </>
              }
              end={<a href={`${releasePath(release)}/compare?with=${before!.id}`}>Compare…</a>}
            >
              <Changes comparison={comparison} />
            </Part>
          )}
          <Notes text={await notesOf(viewer, release)} />
          <ReleaseFacts release={release} />
          {events.length > 0 && (
            <Part title="History" end={<a href={auditPath({ target: release.id })}>Audit log</a>}>
              <EventRows events={events} nowMs={nowMs} />
            </Part>
          )}
        </div>
        <aside aria-label="About the release">
          <Part title="Channels">
            <ChannelList viewer={viewer} release={release} channels={channels} />
          </Part>
          <Retention retention={retention} release={release} nowMs={nowMs} />
          <Part title="Record">
            <dl class="facts">
              <dt>Id</dt>
              <dd>
                <ShortId id={release.id} />
              </dd>
              {release.manifest_sha256 !== null && (
                <>
                  <dt>Manifest</dt>
                  <dd>
                    <Digest value={release.manifest_sha256} what="the manifest's digest" />
                  </dd>
                </>
              )}
            </dl>
          </Part>
        </aside>
      </div>
    </>
  );
  return {
    title: versionText(release),
    section: "apps",
    crumbs: releaseCrumbs(release, false),
    content,
  };
}

interface ActionsProps {
  viewer: Viewer;
  release: ReleaseRecord;
  channels: readonly ChannelRecord[];
  before?: ReleaseRecord | undefined;
}

function Actions({ viewer, release, channels, before }: ActionsProps) {
  const next = channels.find(
    ({ name }) => !release.current_in.includes(name) && mayMove(viewer, release.app, name),
  );
  const isPublished = release.status === "published";
  return (
    <>
      {before !== undefined && (
        <LinkButton href={`${releasePath(release)}/compare?with=${before.id}`} shortcut="c">
          Compare…
        </LinkButton>
      )}
      {isPublished && may(viewer, "promote", release.app) && (
        <LinkButton href={`${releasePath(release)}/revoke`}>Revoke…</LinkButton>
      )}
      {isPublished && next !== undefined && (
        <LinkButton
          href={`${channelPath(release.app, next.name)}/promote?release=${release.id}`}
          isMain
          shortcut="p"
        >
          Promote to {next.name}…
        </LinkButton>
      )}
    </>
  );
}

function ChannelList({ viewer, release, channels }: ActionsProps) {
  if (channels.length === 0) return <p class="t2">The app has no channel.</p>;
  return (
    <ul class="rows">
      {channels.map((channel) => {
        const isHere = release.current_in.includes(channel.name);
        return (
          <li>
            <p>
              <a class="strong plain" href={channelPath(release.app, channel.name)}>
                {channel.name}
              </a>{" "}
              <span class="t2">
                {isHere
                  ? channel.rollout_percent === 100
                    ? "points here"
                    : `points here for ${channel.rollout_percent} %`
                  : release.was_current_in.includes(channel.name)
                    ? "pointed here"
                    : "never pointed here"}
              </span>
            </p>
            {!isHere && release.status === "published" && mayMove(viewer, release.app, channel.name) && (
              <a href={`${channelPath(release.app, channel.name)}/promote?release=${release.id}`}>Promote…</a>
            )}
          </li>
        );
      })}
    </ul>
  );
}

function Notes({ text }: { text: string | null }) {
  if (text === null || text === "") return null;
  return (
    <Part title="Notes">
      <p class="notes">{shownName(text)}</p>
    </Part>
  );
}

/** Long notes stand in an object of their own; a store may have lost them. */
async function notesOf({ registry }: Viewer, release: ReleaseRecord): Promise<string | null> {
  if (release.notes !== null || release.notes_sha256 === null) return release.notes;
  try {
    return await readText(await (await registry.openObject(release.notes_sha256)).read());
  } catch (error) {
    if (error instanceof DistError && error.kind === "not_found") return null;
    throw error;
  }
}

async function retentionOf(viewer: Viewer, release: ReleaseRecord): Promise<RetentionRecord | null> {
  if (release.status === "draft" || !may(viewer, "package.read", release.app)) return null;
  try {
    return await viewer.registry.getRetention(release.package_id);
  } catch (error) {
    if (error instanceof DistError) return null;
    throw error;
  }
}

interface RetentionProps {
  retention: RetentionRecord | null;
  release: ReleaseRecord;
  nowMs: number;
}

function Retention({ retention, release, nowMs }: RetentionProps) {
  if (retention === null) return null;
  return (
    <Part title="Retention" end={<a href={packagePath(release.package_id)}>Package</a>}>
      <p>{retention.eligible_for_deletion ? "May be deleted:" : "Kept:"}</p>
      <ul class="rows">
        {retention.reasons.map(({ text, until }) => (
          <li>
            <p>
              {shownName(text)}
              {until !== null && (
                <span class="t3">
                  {" "}
                  until <Time at={until} nowMs={nowMs} />
                </span>
              )}
            </p>
          </li>
        ))}
      </ul>
    </Part>
  );
}

/** What the last channel points at, or the newest release published before this one. */
async function releaseBefore(
  { registry }: Viewer,
  release: ReleaseRecord,
  channels: readonly ChannelRecord[],
): Promise<ReleaseRecord | undefined> {
  const current = channels[0]?.current_release_id ?? null;
  if (current !== null && current !== release.id) {
    const found = await registry.getRelease(release.app, { release: current });
    if (found.status === "published") return found;
  }
  const page = await registry.listReleases(release.app, { limit: RELEASES_BEFORE });
  return page.items.find(
    ({ id, status, created_at: at }) =>
      id !== release.id && status === "published" && at <= release.created_at,
  );
}
