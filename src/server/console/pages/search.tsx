import type { SearchHit, SearchKind, SearchResult } from "../../../registry/records/search.ts";
import { shownName } from "../../pages/wording.ts";
import { appPath, packagePath, releasePath } from "../addresses.ts";
import { Terminal } from "../components/copy.tsx";
import { Empty, Head, Part } from "../components/part.tsx";
import { Cell, NameCell, Row, Table } from "../components/table.tsx";
import type { Page } from "../frame.tsx";
import type { MountPages } from "../mount-console.ts";
import { may, type Viewer } from "../viewer.ts";

/** What is typed is longer than any name. */
const MAX_TYPED = 200;

/** `GET /admin/search?q=`: what is called so, as the API finds it; a single id leads straight to what it names. */
export const mountSearch: MountPages = (app, { show }) => {
  app.get(
    "/admin/search",
    show(async (viewer, c) => {
      const typed = c.req.query("q")?.trim().slice(0, MAX_TYPED).toWellFormed() ?? "";
      if (typed === "") return searchPage(viewer, null, false);
      const found = await viewer.registry.search(typed);
      const [hit] = found.hits;
      if (hit?.id === typed && found.hits.length === 1) return { to: hrefOf(hit) };
      return searchPage(viewer, found, await isInLog(viewer, typed));
    }),
  );
};

function searchPage(viewer: Viewer, found: SearchResult | null, logged: boolean): Page {
  const content = (
    <>
      <Head
        title="Search"
        meta={found === null ? "For apps, versions, digests, ids." : shownName(found.query)}
      />
      {found !== null && (
        <>
          {found.hits.length === 0 ? (
            <Empty>
              Nothing that you may see is called so, or begins so: no app, no version, no package, no id and
              no digest.
            </Empty>
          ) : (
            <Part title="Found">
              <Hits {...found} />
            </Part>
          )}
          {logged && (
            <p>
              <a href={`/admin/audit?target=${encodeURIComponent(found.query)}`}>
                What the audit log says of it
              </a>
            </p>
          )}
          {/^[\w.+:@-]+$/.test(found.query) && (
            <div class="part">
              <Terminal text={`dist search ${found.query} --server ${viewer.baseUrl}`} />
            </div>
          )}
        </>
      )}
    </>
  );
  return { title: "Search", section: null, content };
}

function Hits({ hits, more }: SearchResult) {
  return (
    <>
      <Table caption="What was found" columns={[{ label: "Name" }, { label: "What" }, { label: "Status" }]}>
        {hits.map((hit) => (
          <Row href={hrefOf(hit)} copy={hit.sha256 ?? hit.id}>
            <NameCell>
              <a class="plain strong" href={hrefOf(hit)}>
                <bdi>{shownName(hit.name)}</bdi>
              </a>
              {hit.sha256 !== null && (
                <span class="sub">
                  <code title={hit.sha256}>{hit.sha256.slice(0, 12)}</code>
                </span>
              )}
            </NameCell>
            <Cell>{placeOf(hit)}</Cell>
            <Cell>{hit.status ?? ""}</Cell>
          </Row>
        ))}
      </Table>
      {more.length > 0 && (
        <p class="t3">
          There are more {more.map((kind) => plurals[kind]).join(", ")}: type more of the name.
        </p>
      )}
    </>
  );
}

const plurals: Readonly<Record<SearchKind, string>> = {
  app: "apps",
  release: "releases",
  artifact: "artifacts",
  package: "packages",
  file: "files",
  token: "tokens",
};

function placeOf({ kind, app, id }: SearchHit): string {
  if (kind === "app") return `app ${app}`;
  if (kind === "file") return `file of ${id}`;
  return app === null ? kind : `${kind} of ${app}`;
}

function hrefOf({ kind, id, app, release_id: release, status }: SearchHit): string {
  if (kind === "token") return status === "active" ? `/admin/tokens/${id}/revoke` : `/admin/tokens#${id}`;
  if (kind === "app") return appPath(app!);
  return release === null ? packagePath(id) : releasePath({ app: app!, id: release });
}

/** Whether the log has events of what an id names. */
async function isInLog(viewer: Viewer, target: string): Promise<boolean> {
  const isTarget = /^[a-z]+_[0-9a-z]{26}$|^[0-9a-f]{64}$/.test(target);
  if (!isTarget || !may(viewer, "audit")) return false;
  return (await viewer.registry.listAudit({ target, limit: 1 })).items.length > 0;
}
