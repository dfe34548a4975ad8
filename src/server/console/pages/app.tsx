import type { AppRecord } from "../../../registry/records/apps.ts";
import type { ChannelRecord } from "../../../registry/records/channels.ts";
import type { ArtifactRecord, ReleaseRecord } from "../../../registry/records/releases.ts";
import type { AppStatistics } from "../../../registry/records/statistics.ts";
import { decimalSize, platformNames, shownName } from "../../pages/wording.ts";
import { appPath, channelPath, releasePath } from "../addresses.ts";
import { orderedChannels, policyWords, releasesAhead } from "../channel-words.ts";
import { AppActivity, lastDays, STATISTICS_DAYS } from "../components/activity.tsx";
import { Spark } from "../components/chart.tsx";
import { Empty, Head, LinkButton, Part } from "../components/part.tsx";
import { RailCell, RailHead, type RailMark } from "../components/rail.tsx";
import { Signers } from "../components/signers.tsx";
import { ReleaseStatus, Rollout, Validation } from "../components/status.tsx";
import { Cell, NameCell, Pager, Row, Table } from "../components/table.tsx";
import { Time } from "../components/time.tsx";
import type { Page } from "../frame.tsx";
import type { MountPages } from "../mount-console.ts";
import { may, mayMove, type Viewer } from "../viewer.ts";

const RELEASES_PER_PAGE = 18;

/** `GET /admin/apps/{app}`: its channels and what they point at, its releases with the channels' rails, who may sign. */
export const mountApp: MountPages = (app, { show }) => {
  app.get(
    "/admin/apps/:app",
    show((viewer, c) => appPage(viewer, c.req.param("app")!, c.req.query("after"))),
  );
};

async function appPage(viewer: Viewer, slug: string, after: string | undefined): Promise<Page> {
  const { registry } = viewer;
  const app = await registry.getApp(slug);
  const channels = orderedChannels((await registry.listChannels(slug)).items);
  const releases = await registry.listReleases(slug, {
    limit: RELEASES_PER_PAGE,
    ...(after !== undefined && { after }),
  });
  const isFirst = after === undefined;
  const statistics =
    isFirst && may(viewer, "read", slug)
      ? await registry.appStatistics(slug, { days: STATISTICS_DAYS })
      : null;
  const icon = releases.items.flatMap(({ artifacts }) => artifacts).find((one) => one.icon_sha256 !== null);
  const content = (
    <>
      <Head
        title={<bdi>{shownName(app.display_name)}</bdi>}
        picture={icon?.icon_sha256 == null ? null : `/download/${icon.icon_sha256}`}
        meta={<AppMeta app={app} />}
        actions={<AppActions viewer={viewer} app={app} channels={channels} />}
      />
      <AppTabs slug={slug} current="releases" viewer={viewer} />
      {isFirst && (
        <Channels
          viewer={viewer}
          app={app}
          channels={channels}
          releases={releases.items}
          statistics={statistics}
        />
      )}
      <Part title="Releases" note="newest first; a dot is where a channel points, a ring where it pointed">
        {releases.items.length === 0 ? (
          <Empty
            command={`dist ci publish --server ${viewer.baseUrl} --token "$DIST_TOKEN" --manifest dist.json`}
          >
            Nothing was published yet.
          </Empty>
        ) : (
          <Releases viewer={viewer} channels={channels} releases={releases.items} />
        )}
        <Pager href={appPath(slug)} next={releases.next} isFirst={isFirst} />
      </Part>
      {statistics !== null && <AppActivity statistics={statistics} nowMs={viewer.nowMs} />}
      {isFirst && may(viewer, "read", slug) && <Signers app={app} viewer={viewer} />}
    </>
  );
  return {
    title: shownName(app.display_name),
    section: "apps",
    crumbs: [{ label: "Apps", href: "/admin/apps" }],
    content,
  };
}

function AppMeta({ app }: { app: AppRecord }) {
  return (
    <>
      <code>{app.slug}</code>
      <span>{app.visibility}</span>
      {app.owner !== null && (
        <span>
          owned by <bdi>{shownName(app.owner)}</bdi>
        </span>
      )}
    </>
  );
}

interface ActionsProps {
  viewer: Viewer;
  app: AppRecord;
  channels: readonly ChannelRecord[];
}

function AppActions({ viewer, app, channels }: ActionsProps) {
  const shown = channels.at(0);
  return (
    <>
      {shown !== undefined && (
        <LinkButton href={`/install/${app.slug}/${encodeURIComponent(shown.name)}`}>Install page</LinkButton>
      )}
      {may(viewer, "publish", app.slug) && (
        <LinkButton href={`${appPath(app.slug)}/publish`}>Publish files…</LinkButton>
      )}
    </>
  );
}

interface TabsProps {
  slug: string;
  viewer: Viewer;
  current: "releases" | "settings" | "preview";
}

/** The pages of an app beside each other. */
export function AppTabs({ slug, viewer, current }: TabsProps) {
  const tabs = [
    { name: "releases", label: "Releases", href: appPath(slug), isOpen: true },
    { name: "preview", label: "Install pages", href: `${appPath(slug)}/preview`, isOpen: true },
    {
      name: "audit",
      label: "Audit",
      href: `/admin/audit?app=${encodeURIComponent(slug)}`,
      isOpen: may(viewer, "audit", slug),
    },
    {
      name: "settings",
      label: "Settings",
      href: `${appPath(slug)}/settings`,
      isOpen: may(viewer, "admin", slug),
    },
  ];
  return (
    <nav class="tabs" aria-label="Pages of the app">
      {tabs
        .filter(({ isOpen }) => isOpen)
        .map(({ name, label, href }) => (
          <a href={href} aria-current={name === current ? "page" : undefined}>
            {label}
          </a>
        ))}
    </nav>
  );
}

interface ChannelsProps extends ActionsProps {
  releases: readonly ReleaseRecord[];
  statistics: AppStatistics | null;
}

function Channels({ viewer, app, channels, releases, statistics }: ChannelsProps) {
  return (
    <Part
      title="Channels"
      end={
        may(viewer, "promote", app.slug) && <a href={`${appPath(app.slug)}/channels/new`}>Add a channel…</a>
      }
    >
      {channels.length === 0 ? (
        <Empty command={`dist channel set --app ${app.slug} --channel stable --policy manual`}>
          There is no channel yet. Publishing with a channel makes it, or:
        </Empty>
      ) : (
        <Table
          caption={`Channels of ${app.slug}`}
          columns={[
            { label: "Channel" },
            { label: "Points at" },
            { label: "Newer releases" },
            { label: "Rollout" },
            { label: "Who may move it, when" },
            { label: `Downloads, ${STATISTICS_DAYS} d`, isNumber: true },
            { label: "Next" },
          ]}
        >
          {channels.map((channel) => {
            const path = channelPath(app.slug, channel.name);
            const ahead = releasesAhead(channel, releases);
            return (
              <Row href={path} copy={channel.name}>
                <NameCell>
                  <a class="plain strong" href={path}>
                    {channel.name}
                  </a>
                </NameCell>
                <Cell label="points at">
                  {channel.current_release_id === null ? (
                    <span class="t3">nothing</span>
                  ) : (
                    <a
                      class="plain"
                      href={releasePath({ app: app.slug, id: channel.current_release_id })}
                      data-live={`${channel.name}-version`}
                    >
                      <span class="strong">{channel.current_version}</span>{" "}
                      <span class="t3">{channel.current_build}</span>
                    </a>
                  )}
                </Cell>
                <Cell label={ahead === 0 ? undefined : "newer"}>{aheadWords(channel, ahead)}</Cell>
                <Cell label="rollout">
                  <Rollout percent={channel.rollout_percent} />
                </Cell>
                <Cell>{policyWords(channel)}</Cell>
                <Cell label="downloads" isNumber>
                  <Fetched statistics={statistics} channel={channel.name} nowMs={viewer.nowMs} />
                </Cell>
                <Cell>
                  {mayMove(viewer, app.slug, channel.name) && (
                    <span class="actions">
                      <LinkButton href={`${path}/promote`} isSmall shortcut="p">
                        Promote…
                      </LinkButton>
                      {channel.previous_release_id !== null && (
                        <LinkButton href={`${path}/rollback`} isSmall shortcut="r">
                          Roll back…
                        </LinkButton>
                      )}
                    </span>
                  )}
                </Cell>
              </Row>
            );
          })}
        </Table>
      )}
    </Part>
  );
}

function aheadWords(channel: ChannelRecord, ahead: number | null): string {
  if (channel.current_release_id === null) return "–";
  if (ahead === null) return "more than are shown";
  return ahead === 0 ? "newest" : `${ahead}`;
}

interface ReleasesProps {
  viewer: Viewer;
  channels: readonly ChannelRecord[];
  releases: readonly ReleaseRecord[];
}

function Releases({ viewer, channels, releases }: ReleasesProps) {
  const names = channels.map(({ name }) => name);
  const platforms = (Object.keys(platformNames) as ArtifactRecord["platform"][]).filter((platform) =>
    releases.some(({ artifacts }) => artifacts.some((artifact) => artifact.platform === platform)),
  );
  return (
    <Table
      id="releases-list"
      count={releases.length}
      caption="Releases, newest first"
      first={names.length > 0 && <RailHead channels={names} />}
      columns={[
        { label: "Release" },
        { label: "Channels" },
        { label: "State" },
        ...platforms.map((platform) => ({ label: platformNames[platform] })),
        { label: "Size", isNumber: true },
        { label: "By" },
        { label: "Published", isNumber: true },
      ]}
    >
      {releases.map((release) => (
        <Row href={releasePath(release)} copy={release.id} isDim={release.status === "revoked"}>
          {names.length > 0 && <RailCell channels={names} marks={marksOf(release, channels, releases)} />}
          <NameCell>
            <a class="plain" href={releasePath(release)}>
              <span class="strong">{release.version}</span> <span class="t3">{release.build}</span>
            </a>
          </NameCell>
          <Cell>
            <span class="actions">
              {release.current_in.map((name) => (
                <span class="tag">{name}</span>
              ))}
            </span>
          </Cell>
          <Cell>
            <ReleaseStatus status={release.status} />
          </Cell>
          {platforms.map((platform) => (
            <Cell label={platformNames[platform]}>
              <PlatformState artifacts={release.artifacts.filter((one) => one.platform === platform)} />
            </Cell>
          ))}
          <Cell label="size" isNumber>
            {decimalSize(release.artifacts.reduce((sum, { size_bytes: size }) => sum + size, 0))}
          </Cell>
          <Cell label="by">{shownName(release.created_by ?? "–")}</Cell>
          <Cell label="published" isNumber>
            <Time at={release.published_at} nowMs={viewer.nowMs} />
          </Cell>
        </Row>
      ))}
    </Table>
  );
}

/** The worst of a platform's files. */
function PlatformState({ artifacts }: { artifacts: readonly ArtifactRecord[] }) {
  const rank = ({ validation_status: status, findings }: ArtifactRecord) =>
    status === "failed"
      ? 3
      : status === "pending"
        ? 2
        : findings.some((one) => one.severity === "warning")
          ? 1
          : 0;
  const [worst] = artifacts.toSorted((a, b) => rank(b) - rank(a));
  return worst === undefined ? <span class="t3">–</span> : <Validation artifact={worst} isShort />;
}

function marksOf(
  release: ReleaseRecord,
  channels: readonly ChannelRecord[],
  releases: readonly ReleaseRecord[],
): RailMark[] {
  const at = releases.indexOf(release);
  return channels.map(({ name, current_release_id: current }) => {
    const here = releases.findIndex(({ id }) => id === current);
    return {
      mark: release.current_in.includes(name)
        ? "here"
        : release.was_current_in.includes(name)
          ? "was"
          : "none",
      isAhead: current === null || (here !== -1 && at < here),
    };
  });
}

interface FetchedProps {
  statistics: AppStatistics | null;
  channel: string;
  nowMs: number;
}

/** What was downloaded by way of a channel, day by day and in all. */
function Fetched({ statistics, channel, nowMs }: FetchedProps) {
  if (statistics === null) return <span class="t3">–</span>;
  const own = statistics.downloads.filter((one) => one.channel === channel);
  const values = lastDays(nowMs).map((day) =>
    own.filter((one) => one.day === day).reduce((sum, { downloads }) => sum + downloads, 0),
  );
  const total = values.reduce((sum, value) => sum + value, 0);
  return (
    <span class="fetched">
      {total > 0 && <Spark values={values} />}
      {total.toLocaleString("en")}
    </span>
  );
}
