import { DistError } from "../../../base/errors.ts";
import { shownName } from "../../pages/wording.ts";
import { appPath, packagePath, releasePath } from "../addresses.ts";
import { Empty, Head, Part } from "../components/part.tsx";
import type { Page } from "../frame.tsx";
import type { MountPages } from "../mount-console.ts";
import { may, type Viewer } from "../viewer.ts";

/** So many apps are looked through for a name, and so many of those that fit for a version. */
const APPS_PER_READ = 1000;
const MAX_READS = 5;
const MAX_HITS = 20;

interface Hit {
  readonly label: string;
  readonly note: string;
  readonly href: string;
}

/** `GET /admin/search?q=`: apps, versions, packages, tokens and digests, by what the viewer may see. */
export const mountSearch: MountPages = (app, { show }) => {
  app.get("/admin/search", async (c, next) => {
    // An id leads straight to what it names.
    const q = c.req.query("q")?.trim() ?? "";
    if (/^pkg_[0-9a-z]{26}$/.test(q)) return c.redirect(packagePath(q), 303);
    return next();
  });
  app.get(
    "/admin/search",
    show(async (viewer, c) => searchPage(viewer, c.req.query("q")?.trim() ?? "")),
  );
};

async function searchPage(viewer: Viewer, q: string): Promise<Page> {
  const hits = q === "" ? [] : await search(viewer, q);
  const content = (
    <>
      <Head title="Search" meta={q === "" ? "For apps, versions, digests, ids." : shownName(q)} />
      {q !== "" && (
        <Part title="Found">
          {hits.length === 0 ? (
            <Empty>Nothing that you may see is called so: no app, no version, no id and no digest.</Empty>
          ) : (
            <ul class="rows">
              {hits.map(({ label, note, href }) => (
                <li>
                  <p>
                    <a class="strong" href={href}>
                      <bdi>{label}</bdi>
                    </a>{" "}
                    <span class="t3">{note}</span>
                  </p>
                </li>
              ))}
            </ul>
          )}
        </Part>
      )}
    </>
  );
  return { title: "Search", section: null, content };
}

async function search(viewer: Viewer, q: string): Promise<Hit[]> {
  const slugs = await appsOf(viewer);
  const wanted = q.toLowerCase();
  const apps = slugs.filter(({ slug, name }) => slug.includes(wanted) || name.toLowerCase().includes(wanted));
  return [
    ...apps.slice(0, MAX_HITS).map(({ slug, name }) => ({
      label: shownName(name),
      note: `app ${slug}`,
      href: appPath(slug),
    })),
    ...(await releases(viewer, slugs, q)),
    ...(await objects(viewer, q)),
    ...(may(viewer, "audit") ? await events(viewer, q) : []),
  ];
}

async function appsOf({ registry }: Viewer): Promise<{ slug: string; name: string }[]> {
  const apps: { slug: string; name: string }[] = [];
  let after: string | undefined;
  for (let reads = 0; reads < MAX_READS; reads += 1) {
    const page = await registry.listApps({ limit: APPS_PER_READ, ...(after !== undefined && { after }) });
    apps.push(...page.items.map(({ slug, display_name: name }) => ({ slug, name })));
    if (page.next === null) break;
    after = page.next;
  }
  return apps;
}

/** A version, or a release's id, in each of the apps: one probe of an index each. */
async function releases({ registry }: Viewer, apps: readonly { slug: string }[], q: string): Promise<Hit[]> {
  if (!/^(?:rel_[0-9a-z]{26}|\d[\w.+-]*)$/.test(q)) return [];
  const hits: Hit[] = [];
  for (const { slug } of apps) {
    if (hits.length >= MAX_HITS) break;
    try {
      const release = await registry.getRelease(slug, { release: q });
      hits.push({
        label: `${release.version} ${release.build}`.trim(),
        note: `release of ${slug}, ${release.status}`,
        href: releasePath(release),
      });
    } catch (error) {
      if (!(error instanceof DistError)) throw error;
      // Several builds of the version: the app's page lists them.
      if (error.code === "release.ambiguous") {
        hits.push({ label: q, note: `several builds of ${slug}`, href: appPath(slug) });
      }
    }
  }
  return hits;
}

async function objects({ registry }: Viewer, q: string): Promise<Hit[]> {
  if (!/^[0-9a-f]{64}$/.test(q)) return [];
  const object = await registry.lookupObject(q);
  if (object === null) return [];
  return [{ label: q, note: `object of ${object.size_bytes} bytes`, href: `/download/${q}` }];
}

/** What the log says of an id. */
async function events({ registry }: Viewer, q: string): Promise<Hit[]> {
  if (!/^[a-z]{3,4}_[0-9a-z]{26}$/.test(q)) return [];
  const { items } = await registry.listAudit({ target: q, limit: 1 });
  if (items.length === 0) return [];
  return [{ label: q, note: "in the audit log", href: `/admin/audit?target=${q}` }];
}
