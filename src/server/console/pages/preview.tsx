import { shownName } from "../../pages/wording.ts";
import { appPath } from "../addresses.ts";
import { Empty, Head, Part } from "../components/part.tsx";
import type { Page } from "../frame.tsx";
import type { MountPages } from "../mount-console.ts";
import type { Viewer } from "../viewer.ts";
import { AppTabs } from "./app.tsx";

/** What install pages tell apart. */
const devices = [
  ["ios", "an iPhone"],
  ["android_apk", "an Android phone"],
  ["macos", "a Mac"],
  ["windows", "Windows"],
  ["linux", "Linux"],
] as const;

/** `GET /admin/apps/{app}/preview`: the install page of every channel, as each device is shown it. */
export const mountPreview: MountPages = (app, { show }) => {
  app.get(
    "/admin/apps/:app/preview",
    show((viewer, c) => previewPage(viewer, c.req.param("app")!)),
  );
};

async function previewPage(viewer: Viewer, slug: string): Promise<Page> {
  const { registry } = viewer;
  const app = await registry.getApp(slug);
  const channels = (await registry.listChannels(slug)).items;
  const content = (
    <>
      <Head title={<bdi>{shownName(app.display_name)}</bdi>} meta={<code>{app.slug}</code>} />
      <AppTabs slug={slug} viewer={viewer} current="preview" />
      <Part title="Install pages" note="each shows the visitor's device first">
        {channels.length === 0 ? (
          <Empty>There is no channel, and so no page.</Empty>
        ) : (
          <ul class="rows">
            {channels.map(({ name }) => (
              <li>
                <p>
                  <a class="strong" href={`/install/${slug}/${encodeURIComponent(name)}`}>
                    {name}
                  </a>{" "}
                  <span class="t3">as seen by</span>{" "}
                  {devices.map(([device, words]) => (
                    <>
                      <a href={`/install/${slug}/${encodeURIComponent(name)}?device=${device}`}>
                        {words}
                      </a>{" "}
                    </>
                  ))}
                </p>
              </li>
            ))}
          </ul>
        )}
      </Part>
    </>
  );
  return {
    title: "Install pages",
    section: "apps",
    crumbs: [
      { label: "Apps", href: "/admin/apps" },
      { label: slug, href: appPath(slug) },
    ],
    content,
  };
}
