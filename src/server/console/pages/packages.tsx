import {
  type ListedPackage,
  type PackageRecord,
  packageStatuses,
} from "../../../registry/records/packages.ts";
import { decimalSize, shownName } from "../../pages/wording.ts";
import { packagePath } from "../addresses.ts";
import { ShortId } from "../components/copy.tsx";
import { Empty, Head } from "../components/part.tsx";
import { Status } from "../components/status.tsx";
import { Cell, NameCell, Pager, Row, Table } from "../components/table.tsx";
import { Time } from "../components/time.tsx";
import type { Page } from "../frame.tsx";
import type { ConsoleContext, MountPages } from "../mount-console.ts";
import type { Viewer } from "../viewer.ts";

const PACKAGES_PER_PAGE = 40;
const texts = ["kind", "producer", "subject"] as const;

/** `GET /admin/packages` with its filters. */
export const mountPackages: MountPages = (app, { show }) => {
  app.get(
    "/admin/packages",
    show((viewer, c) => packagesPage(viewer, c)),
  );
};

async function packagesPage(viewer: Viewer, c: ConsoleContext): Promise<Page> {
  const { registry, nowMs } = viewer;
  const given = (name: string) => c.req.query(name)?.trim() || undefined;
  const after = given("after");
  const filter = Object.fromEntries(
    ["status", ...texts, "retention_class"].flatMap((name) => {
      const value = given(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const isEligible = given("eligible") === "yes";
  const page = await registry.listPackages({
    ...filter,
    ...(isEligible && { eligible: true }),
    limit: PACKAGES_PER_PAGE,
    ...(after !== undefined && { after }),
  });
  const classes = (await registry.retentionClasses()).items;
  const query = new URLSearchParams({ ...filter, ...(isEligible && { eligible: "yes" }) }).toString();
  const content = (
    <>
      <Head
        title="Packages"
        meta="Releases and evidence: what is kept, and why."
        actions={
          <a class="btn" href="/admin/retention">
            Retention and cleanup
          </a>
        }
      />
      <form class="inline part" method="get">
        <div>
          <label for="status">State</label>
          <select id="status" name="status">
            <option value="">any</option>
            {packageStatuses.map((value) => (
              <option value={value} selected={value === filter["status"]}>
                {value}
              </option>
            ))}
          </select>
        </div>
        {texts.map((name) => (
          <div>
            <label for={name}>{labels[name]}</label>
            <input id={name} name={name} value={filter[name] ?? ""} />
          </div>
        ))}
        <div>
          <label for="retention_class">Class</label>
          <select id="retention_class" name="retention_class">
            <option value="">any</option>
            {classes.map(({ name }) => (
              <option value={name} selected={name === filter["retention_class"]}>
                {name}
              </option>
            ))}
          </select>
        </div>
        <label class="choice">
          <input type="checkbox" name="eligible" value="yes" checked={isEligible} />
          <span>may be deleted</span>
        </label>
        <button class="btn" type="submit">
          Filter
        </button>
        {query !== "" && <a href="/admin/packages">Show all</a>}
      </form>
      <div class="part">
        {page.items.length === 0 ? (
          <Empty
            command={query === "" ? `dist package ingest DIRECTORY --server ${viewer.baseUrl}` : undefined}
          >
            {query === "" ? "There is no package yet." : "No package fits the filter."}
          </Empty>
        ) : (
          <Packages packages={page.items} nowMs={nowMs} />
        )}
        <Pager
          href={`/admin/packages${query === "" ? "" : `?${query}`}`}
          next={page.next}
          isFirst={after === undefined}
        />
      </div>
    </>
  );
  return { title: "Packages", section: "packages", content };
}

const labels = { kind: "Kind", producer: "Producer", subject: "Subject" } as const;

function Packages({ packages, nowMs }: { packages: readonly ListedPackage[]; nowMs: number }) {
  return (
    <Table
      id="packages-list"
      count={packages.length}
      caption="Packages, latest first"
      columns={[
        { label: "Subject" },
        { label: "State" },
        { label: "Producer" },
        { label: "Class" },
        { label: "Files", isNumber: true },
        { label: "Size", isNumber: true },
        { label: "What keeps it" },
        { label: "Created", isNumber: true },
        { label: "Id" },
      ]}
    >
      {packages.map((one) => (
        <Row href={packagePath(one.id)} copy={one.id} isDim={one.status === "deleted"}>
          <NameCell>
            <a class="plain" href={packagePath(one.id)}>
              <bdi class="strong">{packageName(one)}</bdi>
              {one.release !== null && ` ${one.release.version} ${one.release.build}`.trimEnd()}
            </a>
            <span class="sub">{shownName(one.kind)}</span>
          </NameCell>
          <Cell>
            <PackageStatus status={one.status} />
          </Cell>
          <Cell label={one.producer === null ? undefined : "by"} isQuiet={one.producer === null}>
            {one.producer === null ? "–" : <bdi>{shownName(one.producer)}</bdi>}
          </Cell>
          <Cell>{one.retention_class ?? <span class="t3">by channel</span>}</Cell>
          <Cell label="files" isNumber>
            {one.file_count.toLocaleString("en")}
          </Cell>
          <Cell label="size" isNumber>
            {decimalSize(one.size_bytes)}
          </Cell>
          <Cell>
            <Keeper of={one} nowMs={nowMs} />
          </Cell>
          <Cell label="created" isNumber>
            <Time at={one.created_at} nowMs={nowMs} />
          </Cell>
          <Cell isQuiet>
            <ShortId id={one.id} />
          </Cell>
        </Row>
      ))}
    </Table>
  );
}

/** What keeps a package: the strongest reason there is. Its own page has them all. */
function Keeper({ of, nowMs }: { of: ListedPackage; nowMs: number }) {
  const { kept_by: by, due_at: since, retention_class: name, status, deleted_at: deleted } = of;
  if (status === "failed") return <span class="t3">–</span>;
  if (deleted !== null) {
    return (
      <Status icon="gone">
        record kept, bytes gone <Time at={deleted} nowMs={nowMs} isInSentence />
      </Status>
    );
  }
  if (since !== null) {
    return (
      <Status icon="may_go" tone="warn">
        may go, due <Time at={since} nowMs={nowMs} isInSentence />
      </Status>
    );
  }
  if (by.holds > 0) return <Status icon="held">{by.holds === 1 ? "1 hold" : `${by.holds} holds`}</Status>;
  if (by.channels.length > 0) return <Status icon="flag">{by.channels.join(", ")}</Status>;
  if (by.expires_at !== null) {
    return (
      <Status icon="clock">
        ends <Time at={by.expires_at} nowMs={nowMs} />
      </Status>
    );
  }
  if (name !== null) return <Status icon="permanent">its class, for ever</Status>;
  return <span class="t3">among the last of its app</span>;
}

/** What a package is about. */
export function packageName({ subject, app, kind, id }: PackageRecord): string {
  return shownName(subject ?? app ?? `${kind} ${id.slice(-7)}`);
}

export function PackageStatus({ status }: Pick<PackageRecord, "status">) {
  if (status === "finalized") return <span class="t2">Finalized</span>;
  if (status === "deleted") return <Status icon="gone">Deleted</Status>;
  if (status === "failed") {
    return (
      <Status icon="failed" tone="bad">
        Failed
      </Status>
    );
  }
  return <Status icon="pending">{status === "created" ? "Empty" : "Open"}</Status>;
}
