import { Readable } from "node:stream";

import type { AuditFilter, AuditRecord } from "../../../registry/records/events.ts";
import type { Registry } from "../../../registry/registry.ts";
import { httpErrors } from "../../http-errors.ts";
import { shownName } from "../../pages/wording.ts";
import { Bars } from "../components/chart.tsx";
import { Terminal } from "../components/copy.tsx";
import { Empty, Head, Part } from "../components/part.tsx";
import { Cell, NameCell, Pager, Row, Table } from "../components/table.tsx";
import { Time } from "../components/time.tsx";
import { EventWords, wordedEvents } from "../event-words.tsx";
import { type ExportFormat, exportAudit, exportFormats } from "../export-audit.ts";
import type { Page } from "../frame.tsx";
import type { ConsoleContext, MountPages } from "../mount-console.ts";
import { type Viewer, viewerOf } from "../viewer.ts";

const EVENTS_PER_PAGE = 50;
const CHART_DAYS = 7;
const MAX_METADATA = 4_000;
const names = ["app", "actor", "action", "target", "since", "until"] as const;

/** `GET /admin/audit` with its filters, and `GET /admin/audit/export?format=`. */
export const mountAudit: MountPages = (app, { show, clock }) => {
  app.get(
    "/admin/audit",
    show((viewer, c) => auditPage(viewer, c)),
  );
  app.get("/admin/audit/export", async (c) => {
    const format = c.req.query("format") ?? "jsonl";
    if (!Object.hasOwn(exportFormats, format)) {
      throw httpErrors.error("request.invalid_parameter", "format is jsonl or csv.", {
        details: { parameter: "format" },
      });
    }
    const { registry } = viewerOf(c, clock.nowMs());
    const lines = exportAudit(registry, filterOf(c), format as ExportFormat);
    // What is refused is refused before the answer begins.
    const first = await lines.next();
    const rest = async function* () {
      if (first.done !== true) yield first.value;
      yield* lines;
    };
    return c.body(Readable.toWeb(Readable.from(rest())) as ReadableStream<Uint8Array>, 200, {
      "Content-Type": exportFormats[format as ExportFormat],
      "Content-Disposition": `attachment; filename="audit.${format}"`,
    });
  });
};

function filterOf(c: ConsoleContext): AuditFilter {
  const given = names.flatMap((name) => {
    const value = c.req.query(name)?.trim();
    return value === undefined || value === "" ? [] : [[name, timeOf(name, value)]];
  });
  return Object.fromEntries(given) as AuditFilter;
}

/** A day alone is its beginning. */
function timeOf(name: string, value: string): string {
  const isDay = (name === "since" || name === "until") && /^\d{4}-\d{2}-\d{2}$/.test(value);
  return isDay ? `${value}T00:00:00Z` : value;
}

async function auditPage(viewer: Viewer, c: ConsoleContext): Promise<Page> {
  const { registry, nowMs } = viewer;
  const filter = filterOf(c);
  const after = c.req.query("after");
  // A stream from here on misses nothing, and begins near its end, however old the filter's latest event is.
  const isLive = after === undefined && filter.until === undefined;
  const head = isLive ? (await registry.readEvents({ after: 0, limit: 1 })).head : 0;
  const page = await registry.listAudit({
    ...filter,
    limit: EVENTS_PER_PAGE,
    ...(after !== undefined && { after }),
  });
  const query = new URLSearchParams(
    Object.entries(filter).map(([name, value]) => [name, String(value)]),
  ).toString();
  const isFirst = after === undefined;
  const isWhole = isFirst && query === "" && viewer.principal.app === null;
  const statistics = isWhole ? await registry.storeStatistics({ days: CHART_DAYS }) : null;
  const hours = statistics?.events.hours ?? [];
  const content = (
    <>
      <Head
        title="Audit"
        meta="Everything that ever changed, latest first. Nothing here can be edited."
        actions={
          <>
            <a class="btn" href={`/admin/audit/export?format=jsonl&${query}`}>
              JSON Lines
            </a>
            <a class="btn" href={`/admin/audit/export?format=csv&${query}`}>
              CSV
            </a>
          </>
        }
      />
      <form class="inline part" method="get">
        {names.map((name) => (
          <div>
            <label for={name}>{labels[name]}</label>
            <input
              id={name}
              name={name}
              type={name === "since" || name === "until" ? "date" : "text"}
              value={(c.req.query(name) ?? "").slice(
                0,
                name === "since" || name === "until" ? 10 : undefined,
              )}
              list={name === "action" ? "actions" : undefined}
            />
          </div>
        ))}
        <datalist id="actions">
          {wordedEvents.map((value) => (
            <option value={value} />
          ))}
        </datalist>
        <button class="btn" type="submit">
          Filter
        </button>
        {query !== "" && <a href="/admin/audit">Show all</a>}
      </form>
      {hours.length > 0 && (
        <Part title="Events" note="by the hour">
          <Bars
            title="Events by the hour."
            steps={hours.map(({ hour }) => `${hour.slice(5, 10)} ${hour.slice(11, 16)}`)}
            series={[{ label: "Events", values: hours.map(({ events }) => events) }]}
            unit="event"
          />
        </Part>
      )}
      <Part title="Log" end={<a href={c.req.path} data-show-new hidden></a>}>
        {page.items.length === 0 ? (
          <Empty>
            {query === "" ? "Nothing happened yet." : "Nothing in the log fits the filter."}{" "}
            {query !== "" && <a href="/admin/audit">Show all</a>}
          </Empty>
        ) : (
          <Events events={page.items} nowMs={nowMs} />
        )}
        <Pager href={`/admin/audit${query === "" ? "" : `?${query}`}`} next={page.next} isFirst={isFirst} />
      </Part>
      <div class="part">
        <Terminal text={listCommand(viewer.baseUrl, filter)} />
      </div>
    </>
  );
  return {
    title: "Audit",
    section: "audit",
    liveAfter: isLive ? Math.max(head, page.items[0]?.id ?? 0) : undefined,
    liveOnly: !isLive || query === "" ? undefined : await liveFilter(registry, filter),
    content,
  };
}

/** The filter as the stream's events are held against it. */
async function liveFilter(registry: Registry, filter: AuditFilter): Promise<{ [path: string]: string }> {
  const { app, actor, action, target } = filter;
  return {
    ...(app !== undefined && { "data.app_id": (await registry.getApp(app)).id }),
    ...(actor !== undefined && { actor }),
    ...(action !== undefined && { type: action.startsWith("v1.") ? action : `v1.${action}` }),
    ...(target !== undefined && { subject: target }),
  };
}

/** The same list from a terminal, as far as its filter is plain words. */
function listCommand(baseUrl: string, filter: AuditFilter): string {
  const words = Object.entries(filter).filter(([, value]) => /^[\w.:@+-]+$/.test(String(value)));
  return [
    "dist audit list",
    ...words.map(([name, value]) => `--${name} ${value}`),
    `--server ${baseUrl}`,
  ].join(" ");
}

const labels: Readonly<Record<(typeof names)[number], string>> = {
  app: "App",
  actor: "By",
  action: "Event",
  target: "Of",
  since: "From",
  until: "Before",
};

function Events({ events, nowMs }: { events: readonly AuditRecord[]; nowMs: number }) {
  return (
    <Table
      id="events-list"
      count={events.length}
      caption="Events, latest first"
      columns={[
        { label: "What" },
        { label: "By" },
        { label: "When", isNumber: true },
        { label: "No.", isNumber: true },
      ]}
    >
      {events.map((event) => (
        <Row copy={event.target_id}>
          <NameCell>
            <EventWords event={event} />
            <details>
              <summary>{event.action}</summary>
              <pre>
                <code>{shownName(JSON.stringify(event.metadata, null, 2).slice(0, MAX_METADATA))}</code>
              </pre>
            </details>
          </NameCell>
          <Cell label="by">{shownName(event.actor)}</Cell>
          <Cell isNumber>
            <Time at={event.created_at} nowMs={nowMs} />
          </Cell>
          <Cell label="no." isNumber>
            {event.id}
          </Cell>
        </Row>
      ))}
    </Table>
  );
}
