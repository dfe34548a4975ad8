import type { AppRecord } from "../../../registry/records/apps.ts";
import type { ChannelRecord } from "../../../registry/records/channels.ts";
import type { AuditRecord } from "../../../registry/records/events.ts";
import type { StoreStatistics } from "../../../registry/records/statistics.ts";
import type { Decision, StoreDecisions } from "../../../registry/records/status.ts";
import type { LastLook } from "../../../registry/sessions.ts";
import { shownName } from "../../pages/wording.ts";
import { appPath, channelPath, releasePath } from "../addresses.ts";
import { orderedChannels } from "../channel-words.ts";
import { ByDay } from "../components/activity.tsx";
import { Health } from "../components/health.tsx";
import { Icon, type IconName } from "../components/icon.tsx";
import { Empty, Head, LinkButton, Part } from "../components/part.tsx";
import { Rollout } from "../components/status.tsx";
import { Cell, NameCell, Row, Table } from "../components/table.tsx";
import { Time } from "../components/time.tsx";
import { EventRows } from "../event-words.tsx";
import type { Page } from "../frame.tsx";
import type { MountPages } from "../mount-console.ts";
import { may, type Viewer } from "../viewer.ts";

/** Each costs a read of its channels. */
const APPS = 10;
const CHANGES = 8;
/** Two charts of it are half of the page. */
const ACTIVITY_DAYS = 14;

/** `GET /admin/`: what needs a decision, what channels point at, what changed since the viewer last looked, how the store is. */
export const mountOverview: MountPages = (app, { show, store }) => {
  app.get(
    "/admin/",
    show(async (viewer) => {
      const status = await viewer.registry.storeDecisions();
      const last = await store.noteLook(viewer.principal, viewer.sessionId, status.log_head);
      return await overviewPage(viewer, status, last);
    }),
  );
};

async function overviewPage(viewer: Viewer, status: StoreDecisions, last: LastLook | null): Promise<Page> {
  const { registry, nowMs } = viewer;
  const page = await registry.listApps({ limit: APPS });
  const apps: { app: AppRecord; channels: readonly ChannelRecord[] }[] = [];
  for (const app of page.items) apps.push({ app, channels: (await registry.listChannels(app.slug)).items });
  const mayAudit = may(viewer, "audit");
  const changes = mayAudit ? (await registry.listAudit({ limit: CHANGES })).items : null;
  const statistics =
    mayAudit && viewer.principal.app === null
      ? await registry.storeStatistics({ days: ACTIVITY_DAYS })
      : null;
  const content = (
    <>
      <Head
        title="Overview"
        meta={
          <>
            {last !== null && (
              <span>
                You last looked <Time at={last.at} nowMs={nowMs} isInSentence />; {changesWords(status, last)}
                .
              </span>
            )}
            <span data-live="decisions">{decisionsWords(status.decisions.length)}</span>
          </>
        }
      />
      <div class="columns">
        <div>
          <Part title="Needs a decision">
            <Decisions status={status} nowMs={nowMs} />
          </Part>
          <Part title="Channels" end={<a href="/admin/apps">All apps</a>}>
            <ChannelMatrix viewer={viewer} apps={apps} />
          </Part>
          {changes !== null && <Changes changes={changes} last={last} nowMs={nowMs} />}
        </div>
        <aside aria-label="State of the store">
          {status.health !== null && <Health health={status.health} nowMs={nowMs} />}
          {statistics !== null && <StoreActivity statistics={statistics} nowMs={nowMs} />}
        </aside>
      </div>
    </>
  );
  return {
    title: "Overview",
    section: "overview",
    liveAfter: mayAudit ? status.log_head : undefined,
    content,
  };
}

function changesWords({ log_head: head }: StoreDecisions, { seq }: LastLook): string {
  const count = head - seq;
  if (count <= 0) return "nothing changed since";
  return count === 1 ? "1 event since" : `${count.toLocaleString("en")} events since`;
}

function decisionsWords(count: number): string {
  if (count === 0) return "Nothing needs a decision.";
  return count === 1 ? "1 thing needs a decision." : `${count} things need a decision.`;
}

const pictures: Readonly<Record<Decision["kind"], IconName>> = {
  "release.waiting": "up",
  "rollout.partial": "rolling",
  "rollout.halted": "halted",
  "release.findings": "findings",
  "certificate.expiring": "clock",
  "token.expiring": "soon",
  "package.eligible": "may_go",
  "draft.idle": "pending",
};

function Decisions({ status, nowMs }: { status: StoreDecisions; nowMs: number }) {
  if (status.decisions.length === 0) return <Empty>Everything is decided.</Empty>;
  return (
    <>
      <ul class="rows">
        {status.decisions.map((decision) => {
          const { to, words } = nextOf(decision);
          return (
            <li>
              <Icon
                name={pictures[decision.kind]}
                {...(decision.severity !== "info" && {
                  tone: decision.severity === "act" ? ("bad" as const) : ("warn" as const),
                })}
              />
              <p>
                {decision.app !== null && (
                  <>
                    <a class="strong plain" href={appPath(decision.app)}>
                      {decision.app}
                    </a>
                    :{" "}
                  </>
                )}
                {shownName(decision.message)}
              </p>
              <span class="age">
                <Time at={decision.due_at ?? decision.since} nowMs={nowMs} />
              </span>
              <LinkButton href={to} isSmall>
                {words}
              </LinkButton>
            </li>
          );
        })}
      </ul>
      {status.more.length > 0 && (
        <p class="t3">
          There are more of these: {status.more.join(", ")}. <code>dist status</code> lists as many.
        </p>
      )}
    </>
  );
}

/** The page on which it is decided. */
function nextOf(decision: Decision): { to: string; words: string } {
  const { kind, app, channel, release_id: id, token_id: token } = decision;
  if (kind === "token.expiring") return { to: `/admin/tokens#${token ?? ""}`, words: "See token" };
  if (kind === "package.eligible") return { to: "/admin/retention", words: "Dry run…" };
  if (app === null) return { to: "/admin/apps", words: "See" };
  if (kind === "release.waiting" && channel !== null && id !== null) {
    return { to: `${channelPath(app, channel)}/promote?release=${id}`, words: "Promote…" };
  }
  if (kind.startsWith("rollout.") && channel !== null) {
    return { to: `${channelPath(app, channel)}/settings`, words: "Widen or halt…" };
  }
  return id === null
    ? { to: appPath(app), words: "See app" }
    : { to: releasePath({ app, id }), words: "See release" };
}

interface MatrixProps {
  viewer: Viewer;
  apps: readonly { readonly app: AppRecord; readonly channels: readonly ChannelRecord[] }[];
}

/** The channels that most apps have, as columns. */
const MAX_COLUMNS = 5;

function ChannelMatrix({ viewer, apps }: MatrixProps) {
  if (apps.length === 0) {
    return (
      <Empty
        command={`dist ci publish --server ${viewer.baseUrl} --token "$DIST_TOKEN" --manifest dist.json`}
      >
        There is no app yet that you may see.
      </Empty>
    );
  }
  const names = orderedNames(apps.flatMap(({ channels }) => orderedChannels(channels)));
  return (
    <Table
      caption="What channels point at"
      columns={[{ label: "App" }, ...names.map((label) => ({ label }))]}
    >
      {apps.map(({ app, channels }) => (
        <Row href={appPath(app.slug)} copy={app.slug}>
          <NameCell>
            <a class="plain strong" href={appPath(app.slug)}>
              <bdi>{shownName(app.display_name)}</bdi>
            </a>
          </NameCell>
          {names.map((name) => {
            const channel = channels.find((one) => one.name === name);
            if (channel === undefined || channel.current_release_id === null) {
              return (
                <Cell isQuiet>
                  <span class="t3">–</span>
                </Cell>
              );
            }
            return (
              <Cell label={name}>
                <a class="plain" href={channelPath(app.slug, name)} data-live={`${app.slug}/${name}`}>
                  {channel.current_version}
                </a>{" "}
                {channel.rollout_percent < 100 && <Rollout percent={channel.rollout_percent} />}
              </Cell>
            );
          })}
        </Row>
      ))}
    </Table>
  );
}

function orderedNames(channels: readonly ChannelRecord[]): string[] {
  const counts = new Map<string, number>();
  for (const { name } of channels) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, MAX_COLUMNS)
    .map(([name]) => name);
}

interface ChangesProps {
  changes: readonly AuditRecord[];
  last: LastLook | null;
  nowMs: number;
}

function Changes({ changes, last, nowMs }: ChangesProps) {
  return (
    <Part
      title="Lately"
      end={
        <>
          <a href="/admin/" data-show-new hidden></a> <a href="/admin/audit">Audit log</a>
        </>
      }
    >
      <EventRows events={changes} nowMs={nowMs} newAfter={last?.seq} />
    </Part>
  );
}

function StoreActivity({ statistics, nowMs }: { statistics: StoreStatistics; nowMs: number }) {
  return (
    <>
      <ByDay
        title="Downloads"
        about="Downloads by day and app."
        unit="download"
        rest="other apps"
        rows={statistics.downloads.map(({ day, app, downloads }) => ({ day, name: app, count: downloads }))}
        nowMs={nowMs}
        count={ACTIVITY_DAYS}
      />
      <ByDay
        title="Published"
        about="Releases published by day and app."
        unit="release"
        rest="other apps"
        rows={statistics.published.map(({ day, app, releases }) => ({ day, name: app, count: releases }))}
        nowMs={nowMs}
        count={ACTIVITY_DAYS}
      />
    </>
  );
}
