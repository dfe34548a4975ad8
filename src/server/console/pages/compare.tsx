import type { ReleaseComparison } from "../../../registry/records/releases.ts";
import { versionText } from "../../pages/wording.ts";
import { Changes } from "../components/changes.tsx";
import { Terminal } from "../components/copy.tsx";
import { Head } from "../components/part.tsx";
import type { Page } from "../frame.tsx";
import type { MountPages } from "../mount-console.ts";
import type { Viewer } from "../viewer.ts";
import { releaseCrumbs } from "./release.tsx";

/** So many of the newest releases can be chosen; any other stands in the address. */
const CHOICES = 50;

/** `GET /admin/apps/{app}/releases/{id}/compare?with=`. */
export const mountCompare: MountPages = (app, { show }) => {
  app.get(
    "/admin/apps/:app/releases/:id/compare",
    show((viewer, c) => comparePage(viewer, c.req.param("app")!, c.req.param("id")!, c.req.query("with"))),
  );
};

async function comparePage(
  viewer: Viewer,
  slug: string,
  id: string,
  other: string | undefined,
): Promise<Page> {
  const { registry } = viewer;
  const release = await registry.getRelease(slug, { release: id });
  const releases = (await registry.listReleases(slug, { limit: CHOICES })).items.filter(
    (one) => one.id !== release.id && one.status !== "deleted",
  );
  const chosen = other ?? releases[0]?.id;
  const comparison: ReleaseComparison | undefined =
    chosen === undefined
      ? undefined
      : await registry.compareReleases(slug, { release: chosen }, { release: release.id });
  const content = (
    <>
      <Head
        title={`Compare ${versionText(release)}`}
        meta={
          comparison === undefined ? "There is no other release." : `with ${versionText(comparison.from)}`
        }
      />
      <form class="inline part" method="get">
        <div>
          <label for="with">With</label>
          <select id="with" name="with">
            {releases.map((one) => (
              <option value={one.id} selected={one.id === chosen}>
                {versionText(one)}
              </option>
            ))}
          </select>
        </div>
        <button class="btn" type="submit">
          Compare
        </button>
      </form>
      {comparison !== undefined && (
        <div class="part">
          <Changes comparison={comparison} />
          <div class="part">
            <Terminal
              text={`dist release compare ${comparison.from.id} ${comparison.to.id} --app ${slug} --server ${viewer.baseUrl}`}
            />
          </div>
        </div>
      )}
    </>
  );
  return { title: "Compare", section: "apps", crumbs: releaseCrumbs(release, true), content };
}
