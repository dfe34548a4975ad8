import type { StorageUsage } from "../../../registry/records/statistics.ts";
import type { CleanupReport } from "../../../registry/records/store.ts";
import { decimalSize, shownName } from "../../pages/wording.ts";
import { auditPath, packagePath } from "../addresses.ts";
import { Meter } from "../components/chart.tsx";
import { Terminal } from "../components/copy.tsx";
import { Form, type FormState, Submit } from "../components/form.tsx";
import { Empty, Head, LinkButton, Part } from "../components/part.tsx";
import { Cell, NameCell, Row, Table } from "../components/table.tsx";
import { Time } from "../components/time.tsx";
import { EventWords } from "../event-words.tsx";
import { newForm, readForm, refusedForm } from "../forms.ts";
import type { Page } from "../frame.tsx";
import type { ConsoleContext, MountPages } from "../mount-console.ts";
import { may, type Viewer } from "../viewer.ts";

/** Longer lists are for a script. */
const SHOWN = 200;

/** `GET /admin/retention`; `GET`, `POST …/cleanup`. */
export const mountRetention: MountPages = (app, { show, act }) => {
  app.get(
    "/admin/retention",
    show((viewer) => retentionPage(viewer)),
  );
  app.get(
    "/admin/retention/cleanup",
    show(async (viewer, c) => cleanupPage(viewer, await dryRun(viewer, c), newForm(viewer))),
  );
  app.post(
    "/admin/retention/cleanup",
    act(async (viewer, c) => {
      const form = await readForm(c);
      try {
        const report = await viewer.registry.cleanupStore({ apply: true });
        if (report.ok) return { to: "/admin/retention#cleaned" };
        return { again: cleanupPage(viewer, report, newForm(viewer)), state: newForm(viewer) };
      } catch (error) {
        const state = refusedForm(viewer, form, error);
        return { again: cleanupPage(viewer, await dryRun(viewer, c), state), state };
      }
    }),
  );
};

/** Looks at everything that there is, for as long as somebody waits for it. */
const dryRun = ({ registry }: Viewer, c: ConsoleContext): Promise<CleanupReport> =>
  registry.cleanupStore({ apply: false, signal: c.req.raw.signal });

const crumbs = [{ label: "Packages", href: "/admin/packages" }];

async function retentionPage(viewer: Viewer): Promise<Page> {
  const { registry } = viewer;
  const classes = (await registry.retentionClasses()).items;
  const isAdmin = may(viewer, "admin");
  const usage = isAdmin ? await registry.storageUsage() : null;
  const cleaned = may(viewer, "audit")
    ? (await registry.listAudit({ action: "store.cleaned", limit: 1 })).items[0]
    : undefined;
  const content = (
    <>
      <Head
        title="Retention"
        meta="Nothing is deleted until somebody says so."
        actions={isAdmin && <LinkButton href="/admin/retention/cleanup">Cleanup, dry run…</LinkButton>}
      />
      <Part title="Classes">
        <Table
          caption="Retention classes"
          columns={[
            { label: "Class" },
            { label: "Keeps for" },
            { label: "Packages", isNumber: true },
            { label: "Size", isNumber: true },
          ]}
        >
          {classes.map(({ name, default_duration: period, is_default: isDefault }) => {
            const sum = usage?.by_class.find((one) => one.retention_class === name);
            return (
              <Row href={`/admin/packages?retention_class=${encodeURIComponent(name)}`}>
                <NameCell>
                  <a
                    class="plain strong"
                    href={`/admin/packages?retention_class=${encodeURIComponent(name)}`}
                  >
                    {name}
                  </a>{" "}
                  {isDefault && <span class="t3">where none is named</span>}
                </NameCell>
                <Cell>{period ?? "ever"}</Cell>
                <Cell label="packages" isNumber>
                  {usage === null ? "" : (sum?.packages ?? 0).toLocaleString("en")}
                </Cell>
                <Cell label="size" isNumber>
                  {usage === null ? "" : decimalSize(sum?.size_bytes ?? 0)}
                </Cell>
              </Row>
            );
          })}
        </Table>
      </Part>
      {cleaned !== undefined && (
        <Part
          title="Last cleanup"
          id="cleaned"
          end={<a href={auditPath({ action: "store.cleaned" })}>All of them</a>}
        >
          <p>
            <EventWords event={cleaned} />, <Time at={cleaned.created_at} nowMs={viewer.nowMs} /> by{" "}
            <bdi>{shownName(cleaned.actor)}</bdi>, event {cleaned.id}
          </p>
        </Part>
      )}
      {usage !== null && <Usage usage={usage} />}
    </>
  );
  return { title: "Retention", section: "packages", crumbs, content };
}

function Usage({ usage }: { usage: StorageUsage }) {
  const { by_state: states } = usage;
  const rows = [
    ["held", "Held", states.held],
    ["kept", "Kept by class or channel", states.kept],
    ["permanent", "Kept without an end", states.permanent],
    ["eligible", "May be deleted", states.eligible],
  ] as const;
  const whole = Math.max(1, usage.size_bytes);
  return (
    <div class="halves">
      <Part
        title="By state"
        note={`${decimalSize(usage.size_bytes)} in ${usage.packages.toLocaleString("en")} packages`}
      >
        <Meter
          label="Shares of held, kept, permanent and deletable packages"
          parts={rows.map(([name, , sum]) => ({
            share: sum.size_bytes / whole,
            isAmber: name === "eligible",
          }))}
        />
        <Sums
          caption="Storage by state"
          first="State"
          rows={rows.map(([, label, sum]) => ({ label, ...sum }))}
        />
        <p class="t3">
          {usage.objects.objects.toLocaleString("en")} objects take {decimalSize(usage.objects.size_bytes)}:
          identical bytes are stored once.
        </p>
      </Part>
      <Part title="By app">
        <Sums
          caption="Storage by app"
          first="App"
          rows={[
            ...usage.by_app.map((sum) => ({ ...sum, label: sum.app })),
            { label: "other apps", ...usage.other_apps },
            { label: "evidence", ...usage.evidence },
          ].filter(({ packages }) => packages > 0)}
        />
      </Part>
      <Part title="By age" note="the month packages were created in">
        <Sums
          caption="Storage by month"
          first="Month"
          rows={usage.by_month.map((sum) => ({ ...sum, label: sum.month }))}
        />
      </Part>
    </div>
  );
}

interface SumsProps {
  caption: string;
  first: string;
  rows: readonly { readonly label: string; readonly packages: number; readonly size_bytes: number }[];
}

function Sums({ caption, first, rows }: SumsProps) {
  return (
    <Table
      caption={caption}
      columns={[{ label: first }, { label: "Packages", isNumber: true }, { label: "Size", isNumber: true }]}
    >
      {rows.map(({ label, packages, size_bytes: size }) => (
        <Row>
          <NameCell>{label}</NameCell>
          <Cell label="packages" isNumber>
            {packages.toLocaleString("en")}
          </Cell>
          <Cell label="size" isNumber>
            {decimalSize(size)}
          </Cell>
        </Row>
      ))}
    </Table>
  );
}

function cleanupPage(viewer: Viewer, report: CleanupReport, state: FormState): Page {
  const { deleted, reasons, applied, problems } = report;
  const bytes = deleted.reduce((sum, one) => sum + one.bytes, 0);
  const what = `${deleted.length.toLocaleString("en")} things, ${decimalSize(bytes)}`;
  const content = (
    <>
      <Head
        title={applied ? "Cleaned up" : "Cleanup, dry run"}
        meta={applied ? `${what} went.` : `${what} would go. Nothing has changed yet.`}
      />
      <div class="columns">
        <div>
          {problems.map(({ code, message }) => (
            <p class="say warn">
              {shownName(message)} <code>{code}</code>
            </p>
          ))}
          {deleted.length === 0 ? (
            <Empty>Nothing may go: everything is kept by something.</Empty>
          ) : (
            <Table
              caption={applied ? "What went" : "What would go"}
              columns={[{ label: "What" }, { label: "Why" }, { label: "Size", isNumber: true }]}
            >
              {deleted.slice(0, SHOWN).map(({ id, kind, bytes: size }) => (
                <Row copy={id}>
                  <NameCell>
                    {kind === "package" ? <a href={packagePath(id)}>{id}</a> : <code>{id}</code>}
                    <span class="sub">{kind}</span>
                  </NameCell>
                  <Cell>{(reasons[id] ?? []).map(({ text }) => shownName(text)).join(" ")}</Cell>
                  <Cell label="size" isNumber>
                    {decimalSize(size)}
                  </Cell>
                </Row>
              ))}
            </Table>
          )}
          {deleted.length > SHOWN && (
            <p class="t3">
              {(deleted.length - SHOWN).toLocaleString("en")} more: <code>dist store cleanup --json</code>{" "}
              lists all.
            </p>
          )}
        </div>
        <aside aria-label="Confirm">
          {!applied && deleted.length > 0 && (
            <Form state={state}>
              <h2>Delete</h2>
              <p>
                What may go by then is deleted for good; its records, manifests and history stay. What
                somebody holds or extends meanwhile is left.
              </p>
              <Submit kind="kill">Delete {decimalSize(bytes)}</Submit>
              <LinkButton href="/admin/retention">Delete nothing</LinkButton>
              <Terminal text={`dist store cleanup --apply --server ${viewer.baseUrl}`} />
            </Form>
          )}
        </aside>
      </div>
    </>
  );
  return {
    title: "Cleanup",
    section: "packages",
    crumbs: [...crumbs, { label: "Retention", href: "/admin/retention" }],
    content,
  };
}
