import type {
  HoldRecord,
  PackageFileRecord,
  PackageRecord,
  RetentionHistoryRecord,
  RetentionRecord,
} from "../../../registry/records/packages.ts";
import { decimalSize, shownName } from "../../pages/wording.ts";
import { auditPath, packagePath } from "../addresses.ts";
import { Digest, ShortId } from "../components/copy.tsx";
import { Empty, Head, LinkButton, Part } from "../components/part.tsx";
import { RetentionLine } from "../components/retention-line.tsx";
import { Status } from "../components/status.tsx";
import { Cell, NameCell, Pager, Row, Table } from "../components/table.tsx";
import { Time } from "../components/time.tsx";
import { EventRows, type LoggedEvent } from "../event-words.tsx";
import type { Page } from "../frame.tsx";
import type { ConsoleContext, MountPages } from "../mount-console.ts";
import { may, type Viewer } from "../viewer.ts";
import { packageName, PackageStatus } from "./packages.tsx";

const FILES_PER_PAGE = 100;

/** `GET /admin/packages/{id}`. */
export const mountPackage: MountPages = (app, { show }) => {
  app.get(
    "/admin/packages/:id",
    show((viewer, c) => packagePage(viewer, c)),
  );
};

/** The way to a package, or to a page below it. */
export const packageCrumbs = (one?: PackageRecord) => [
  { label: "Packages", href: "/admin/packages" },
  ...(one === undefined ? [] : [{ label: packageName(one), href: packagePath(one.id) }]),
];

async function packagePage(viewer: Viewer, c: ConsoleContext): Promise<Page> {
  const { registry, nowMs } = viewer;
  const one = await registry.getPackage(c.req.param("id")!);
  const retention = one.status === "deleted" ? null : await registry.getRetention(one.id);
  const after = c.req.query("after");
  const files = await registry.listPackageFiles(one.id, {
    limit: FILES_PER_PAGE,
    ...(after !== undefined && { after }),
  });
  const history = (await registry.retentionHistory(one.id)).items.map(loggedAs);
  const isKeeper = one.status !== "deleted" && may(viewer, "retention", one.app ?? undefined);
  const content = (
    <>
      <Head
        title={<bdi>{packageName(one)}</bdi>}
        meta={
          <>
            <PackageStatus status={one.status} />
            <span>{shownName(one.kind)}</span>
            {one.producer !== null && (
              <span>
                by <bdi>{shownName(one.producer)}</bdi>
              </span>
            )}
            <ShortId id={one.id} />
          </>
        }
        actions={
          isKeeper && (
            <>
              <LinkButton href={`${packagePath(one.id)}/extend`} shortcut="e">
                Extend…
              </LinkButton>
              <LinkButton href={`${packagePath(one.id)}/hold`} shortcut="h">
                Hold…
              </LinkButton>
            </>
          )
        }
      />
      <div class="columns">
        <div>
          {retention !== null && <Verdict retention={retention} one={one} nowMs={nowMs} />}
          <Part
            title="Files"
            note={`${one.file_count.toLocaleString("en")}, ${decimalSize(one.size_bytes)}`}
            end={
              one.status === "finalized" && (
                <>
                  <a href={`/api/packages/${one.id}/archive?format=zip`}>zip</a>{" "}
                  <a href={`/api/packages/${one.id}/archive?format=tar`}>tar</a>
                </>
              )
            }
          >
            <Files one={one} files={files.items} />
            <Pager href={packagePath(one.id)} next={files.next} isFirst={after === undefined} />
          </Part>
          {history.length > 0 && (
            <Part
              title="History"
              note="of its retention, oldest first"
              end={may(viewer, "audit") && <a href={auditPath({ target: one.id })}>Audit log</a>}
            >
              <EventRows events={history} nowMs={nowMs} />
            </Part>
          )}
        </div>
        <aside aria-label="About the package">
          {retention !== null && (
            <Holds holds={retention.holds} one={one} isKeeper={isKeeper} nowMs={nowMs} />
          )}
          <Part title="Record">
            <dl class="facts">
              <dt>Created</dt>
              <dd>
                <Time at={one.created_at} nowMs={nowMs} />
              </dd>
              <dt>Finalized</dt>
              <dd>
                <Time at={one.finalized_at} nowMs={nowMs} />
              </dd>
              {one.failed_at !== null && (
                <>
                  <dt>Failed</dt>
                  <dd>
                    <Time at={one.failed_at} nowMs={nowMs} />, <bdi>{shownName(one.fail_reason ?? "")}</bdi>
                  </dd>
                </>
              )}
              {one.deleted_at !== null && (
                <>
                  <dt>Deleted</dt>
                  <dd>
                    <Time at={one.deleted_at} nowMs={nowMs} />
                  </dd>
                </>
              )}
              {one.manifest_sha256 !== null && (
                <>
                  <dt>Manifest</dt>
                  <dd>
                    <a href={`/api/packages/${one.id}/manifest`}>
                      {decimalSize(one.manifest_size_bytes ?? 0)}
                    </a>{" "}
                    <Digest value={one.manifest_sha256} what="the manifest's digest" />
                  </dd>
                </>
              )}
            </dl>
          </Part>
          <Metadata one={one} />
        </aside>
      </div>
    </>
  );
  return { title: packageName(one), section: "packages", crumbs: packageCrumbs(), content };
}

/** An event of the history, as the log's words take it. */
function loggedAs({ seq, type, at, actor, subject, data }: RetentionHistoryRecord): LoggedEvent {
  return {
    id: seq,
    action: type.replace(/^v\d+\./, ""),
    actor,
    target_id: subject,
    metadata: data,
    created_at: at,
  };
}

interface VerdictProps {
  retention: RetentionRecord;
  one: PackageRecord;
  nowMs: number;
}

function Verdict({ retention, one, nowMs }: VerdictProps) {
  const { eligible_for_deletion: mayGo, holds, current_expires_at: until } = retention;
  return (
    <Part title="Retention" note={retention.retention_class ?? "by the app's channels"}>
      <p class="verdict">
        {mayGo ? (
          <Status icon="may_go" tone="warn">
            May be deleted
          </Status>
        ) : holds.length > 0 ? (
          <Status icon="held">Held</Status>
        ) : until === null ? (
          <Status icon="permanent">Kept without an end</Status>
        ) : (
          <Status icon="clock">
            Kept until <Time at={until} nowMs={nowMs} />
          </Status>
        )}
      </p>
      <RetentionLine retention={retention} createdAt={one.created_at} nowMs={nowMs} />
      <ul class="rows">
        {retention.reasons.map(({ text, rule, until: end }) => (
          <li>
            <p>
              {shownName(text)} <code class="t3">{rule}</code>
            </p>
            <span class="age">
              <Time at={end} nowMs={nowMs} />
            </span>
          </li>
        ))}
      </ul>
    </Part>
  );
}

interface HoldsProps {
  holds: readonly HoldRecord[];
  one: PackageRecord;
  isKeeper: boolean;
  nowMs: number;
}

function Holds({ holds, one, isKeeper, nowMs }: HoldsProps) {
  if (holds.length === 0) return null;
  return (
    <Part title="Holds">
      <ul class="rows">
        {holds.map((hold) => (
          <li>
            <p>
              <bdi>{shownName(hold.reason)}</bdi>
              <span class="sub">
                {hold.case !== null && `${shownName(hold.case)}, `}
                {shownName(hold.actor)}, <Time at={hold.applied_at} nowMs={nowMs} />
              </span>
            </p>
            {isKeeper && (
              <LinkButton href={`${packagePath(one.id)}/holds/${hold.id}/release`} isSmall>
                Release…
              </LinkButton>
            )}
          </li>
        ))}
      </ul>
    </Part>
  );
}

function Files({ one, files }: { one: PackageRecord; files: readonly PackageFileRecord[] }) {
  if (files.length === 0) return <Empty>It has no files.</Empty>;
  return (
    <Table
      id="files-list"
      count={files.length}
      caption="Files of the package"
      columns={[
        { label: "Path" },
        { label: "Type" },
        { label: "Size", isNumber: true },
        { label: "SHA-256" },
      ]}
    >
      {files.map((file) => (
        <Row copy={file.sha256}>
          <NameCell>
            {one.status === "deleted" ? (
              <bdi>{shownName(file.path)}</bdi>
            ) : (
              <a
                href={`/api/packages/${one.id}/files/${file.path.split("/").map(encodeURIComponent).join("/")}`}
              >
                <bdi>{shownName(file.path)}</bdi>
              </a>
            )}
          </NameCell>
          <Cell>{file.media_type}</Cell>
          <Cell label="size" isNumber>
            {decimalSize(file.size_bytes)}
          </Cell>
          <Cell>
            <Digest value={file.sha256} />
          </Cell>
        </Row>
      ))}
    </Table>
  );
}

const MAX_METADATA = 8_000;

function Metadata({ one }: { one: PackageRecord }) {
  const text = JSON.stringify(one.metadata, null, 2);
  if (text === "{}") return null;
  return (
    <Part title="Metadata">
      <pre>
        <code>{shownName(text.slice(0, MAX_METADATA))}</code>
      </pre>
    </Part>
  );
}
