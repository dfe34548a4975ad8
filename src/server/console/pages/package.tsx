import { requireScope } from "../../../registry/access.ts";
import type {
  HoldRecord,
  PackageFileRecord,
  PackageRecord,
  RetentionHistoryRecord,
  RetentionRecord,
} from "../../../registry/records/packages.ts";
import { decimalSize, shownName } from "../../pages/wording.ts";
import { auditPath, packagePath } from "../addresses.ts";
import { Digest, ShortId, Terminal } from "../components/copy.tsx";
import { Form, type FormState, ReasonField, Submit, TextField } from "../components/form.tsx";
import { Empty, Head, LinkButton, Part } from "../components/part.tsx";
import { RetentionLine } from "../components/retention-line.tsx";
import { Status } from "../components/status.tsx";
import { Cell, NameCell, Pager, Row, Table } from "../components/table.tsx";
import { Time } from "../components/time.tsx";
import { EventRows, type LoggedEvent } from "../event-words.tsx";
import { newForm, readForm, refusedForm } from "../forms.ts";
import type { Page } from "../frame.tsx";
import type { ConsoleContext, MountPages } from "../mount-console.ts";
import { may, type Viewer } from "../viewer.ts";
import { packageName, PackageStatus } from "./packages.tsx";

const FILES_PER_PAGE = 100;
const fields = {
  "retention.not_later": "until",
  "request.invalid_time": "until",
  "package.invalid_field": "case",
};

/** `GET /admin/packages/{id}`; `GET`, `POST …/hold`, `…/extend`, `…/holds/{hold}/release`. */
export const mountPackage: MountPages = (app, { show, act }) => {
  app.get(
    "/admin/packages/:id",
    show((viewer, c) => packagePage(viewer, c)),
  );
  for (const form of acts) {
    const path = `/admin/packages/:id/${form.path}`;
    app.get(
      path,
      show((viewer, c) => actPage(viewer, c, form, newForm(viewer))),
    );
    app.post(
      path,
      act(async (viewer, c) => {
        const sent = await readForm(c);
        const id = c.req.param("id")!;
        try {
          await form.run(viewer, id, sent.text, c.req.param("hold") ?? "");
          return { to: packagePath(id) };
        } catch (error) {
          const state = refusedForm(viewer, sent, error, fields);
          return { again: await actPage(viewer, c, form, state), state };
        }
      }),
    );
  }
};

interface Act {
  readonly path: string;
  readonly title: string;
  readonly button: string;
  /** What it does, and what it does not. */
  readonly about: string;
  readonly command: (id: string, hold: string) => string;
  readonly extra?: (state: FormState) => ReturnType<typeof TextField>;
  run(viewer: Viewer, id: string, text: (name: string) => string, hold: string): Promise<unknown>;
}

const acts: readonly Act[] = [
  {
    path: "hold",
    title: "Hold",
    button: "Hold the package",
    about: "Nothing of it is deleted until every hold is released, whatever its class says.",
    command: (id) => `dist retention hold ${id} --reason TEXT`,
    extra: (state) => (
      <TextField
        state={state}
        name="case"
        label="Case"
        hint="What it belongs to, such as a matter's number."
      />
    ),
    run: ({ registry }, id, text) =>
      registry.holdPackage(id, { reason: text("reason"), case: text("case") || null }),
  },
  {
    path: "extend",
    title: "Extend",
    button: "Keep it for longer",
    about: "It is kept until then at least. A period is never shortened.",
    command: (id) => `dist retention extend ${id} --until DATE --reason TEXT`,
    extra: (state) => <TextField state={state} name="until" label="Until" type="date" required />,
    run: ({ registry }, id, text) =>
      registry.extendRetention(id, {
        new_expires_at: /^\d{4}-\d{2}-\d{2}$/.test(text("until"))
          ? `${text("until")}T00:00:00.000Z`
          : text("until"),
        reason: text("reason"),
      }),
  },
  {
    path: "holds/:hold/release",
    title: "Release hold",
    button: "Release the hold",
    about:
      "Other holds stay. When nothing keeps the package any more, the next sweep says that it may be deleted.",
    command: (id, hold) => `dist retention release ${id} ${hold} --reason TEXT`,
    run: ({ registry }, id, text, hold) => registry.releaseHold(id, hold, { reason: text("reason") }),
  },
];

const crumbs = (one?: PackageRecord) => [
  { label: "Packages", href: "/admin/packages" },
  ...(one === undefined ? [] : [{ label: packageName(one), href: packagePath(one.id) }]),
];

async function actPage(viewer: Viewer, c: ConsoleContext, form: Act, state: FormState): Promise<Page> {
  const one = await viewer.registry.getPackage(c.req.param("id")!);
  requireScope(viewer.principal, "retention", { app: viewer.principal.app });
  const content = (
    <>
      <Head
        title={
          <>
            {form.title}: <bdi>{packageName(one)}</bdi>
          </>
        }
        meta="Nothing has changed yet."
      />
      <div class="part narrow">
        <Form state={state}>
          <p>{form.about}</p>
          {form.extra?.(state)}
          <ReasonField state={state} />
          <Submit>{form.button}</Submit>
          <LinkButton href={packagePath(one.id)}>Leave it as it is</LinkButton>
          <Terminal text={`${form.command(one.id, c.req.param("hold") ?? "")} --server ${viewer.baseUrl}`} />
        </Form>
      </div>
    </>
  );
  return { title: form.title, section: "packages", crumbs: crumbs(one), content };
}

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
  return { title: packageName(one), section: "packages", crumbs: crumbs(), content };
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
