import type { AppRecord } from "../../../registry/records/apps.ts";
import type { ChannelRecord } from "../../../registry/records/channels.ts";
import { shownName } from "../../pages/wording.ts";
import { Empty, Head } from "../components/part.tsx";
import { Status } from "../components/status.tsx";
import { Cell, NameCell, Pager, Row, Table } from "../components/table.tsx";
import { Time } from "../components/time.tsx";
import type { Page } from "../frame.tsx";
import type { MountPages } from "../mount-console.ts";
import type { Viewer } from "../viewer.ts";

/** Each app costs a read of its channels. */
const APPS_PER_PAGE = 50;

/** `GET /admin/apps`: every app, and what its channels point at. */
export const mountApps: MountPages = (app, { show }) => {
  app.get(
    "/admin/apps",
    show((viewer, c) => appsPage(viewer, c.req.query("after"))),
  );
};

async function appsPage(viewer: Viewer, after: string | undefined): Promise<Page> {
  const { registry, nowMs } = viewer;
  const page = await registry.listApps({ limit: APPS_PER_PAGE, ...(after !== undefined && { after }) });
  const apps: { app: AppRecord; channels: readonly ChannelRecord[] }[] = [];
  for (const app of page.items) apps.push({ app, channels: (await registry.listChannels(app.slug)).items });
  const content = (
    <>
      <Head title="Apps" />
      {apps.length === 0 ? (
        <Empty
          command={`dist ci publish --server ${viewer.baseUrl} --token "$DIST_TOKEN" --manifest dist.json`}
        >
          There is no app yet that you may see. The first publication makes one:
        </Empty>
      ) : (
        <div class="part">
          <Table
            id="apps-list"
            count={apps.length}
            caption="Apps and what their channels point at"
            columns={[{ label: "App" }, { label: "Seen by" }, { label: "Channels" }, { label: "Changed" }]}
          >
            {apps.map(({ app, channels }) => (
              <Row href={`/admin/apps/${app.slug}`} copy={app.slug}>
                <NameCell>
                  <a class="plain" href={`/admin/apps/${app.slug}`}>
                    <bdi class="strong">{shownName(app.display_name)}</bdi>
                  </a>
                  <code class="sub">{app.slug}</code>
                </NameCell>
                <Cell label="seen by">{app.visibility}</Cell>
                <Cell>
                  {channels.length === 0 ? (
                    <Status icon="empty">no channel</Status>
                  ) : (
                    <ul class="meta">
                      {channels.map((channel) => (
                        <li class="nw">
                          <span class="t3">{channel.name}</span>{" "}
                          {channel.current_version ?? <span class="t3">nothing</span>}
                        </li>
                      ))}
                    </ul>
                  )}
                </Cell>
                <Cell label="changed">
                  <Time at={app.updated_at} nowMs={nowMs} />
                </Cell>
              </Row>
            ))}
          </Table>
          <Pager href="/admin/apps" next={page.next} isFirst={after === undefined} />
        </div>
      )}
    </>
  );
  return { title: "Apps", section: "apps", content };
}
