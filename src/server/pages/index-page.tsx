import type { AppRecord } from "../../registry/records/apps.ts";
import type { ArtifactRecord, ReleaseRecord } from "../../registry/records/releases.ts";
import { Command, Day, Document, htmlOf } from "./document.tsx";
import { type ChannelPlace, installUrl, stableUrl, withShare } from "./links.ts";
import { decimalSize, formatName, platformNames, shownName, versionText } from "./wording.ts";

export interface IndexChannel {
  readonly name: string;
  /** The current release; null when the channel points at none. */
  readonly release: ReleaseRecord | null;
}

export interface IndexModel {
  readonly baseUrl: string;
  /** The secret of the share link the visitor came by. */
  readonly share?: string | undefined;
  readonly apps: readonly { readonly app: AppRecord; readonly channels: readonly IndexChannel[] }[];
  /** The cursor of the next page. */
  readonly next: string | null;
  readonly isFirstPage: boolean;
}

/** The whole index: the apps that the caller may list, their channels and what is current in them. */
export function indexPage(model: IndexModel): string {
  const { baseUrl, share, apps, next, isFirstPage } = model;
  return htmlOf(
    <Document title="Apps">
      <main>
        <h1>Apps</h1>
        {apps.length === 0 && <Empty baseUrl={baseUrl} isFirstPage={isFirstPage} />}
        {apps.map(({ app, channels }) => (
          <section>
            <h2>
              <bdi>{shownName(app.display_name)}</bdi> <code class="slug">{app.slug}</code>
            </h2>
            {channels.length === 0 ? (
              <p class="t2">No channel yet: nothing was published.</p>
            ) : (
              <ChannelTable baseUrl={baseUrl} share={share} app={app} channels={channels} />
            )}
          </section>
        ))}
        {(next !== null || !isFirstPage) && (
          <nav class="pager" aria-label="Pages">
            {!isFirstPage && <a href={withShare(`${baseUrl}/`, share)}>First page</a>}
            {next !== null && (
              <a rel="next" href={withShare(`${baseUrl}/?after=${encodeURIComponent(next)}`, share)}>
                Next page
              </a>
            )}
          </nav>
        )}
      </main>
    </Document>,
  );
}

function Empty({ baseUrl, isFirstPage }: { baseUrl: string; isFirstPage: boolean }) {
  if (!isFirstPage) return <p class="say">There are no more apps.</p>;
  return (
    <div class="say">
      <p>
        <b>There is no app here that you may list.</b> Public apps are listed for everybody; unlisted ones
        open by their address, private ones with credentials. To publish one:
      </p>
      <Command text={`dist ci publish --server ${baseUrl} --token "$DIST_TOKEN" --manifest dist.json`} />
    </div>
  );
}

interface ChannelsProps {
  baseUrl: string;
  share: string | undefined;
  app: AppRecord;
  channels: readonly IndexChannel[];
}

/** ARIA roles are named because the narrow layout turns rows into blocks, which takes their own from them. */
function ChannelTable({ baseUrl, share, app, channels }: ChannelsProps) {
  const head = (text: string) => (
    <th role="columnheader" scope="col">
      {text}
    </th>
  );
  return (
    <table role="table">
      <caption class="vh">Channels of {shownName(app.display_name)}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {head("Channel")}
          {head("Release")}
          {head("Published")}
          {head("Page")}
          {head("Files")}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {channels.map((channel) => (
          <ChannelRow
            place={{ baseUrl, share, app: app.slug, channel: channel.name }}
            app={app}
            channel={channel}
          />
        ))}
      </tbody>
    </table>
  );
}

function ChannelRow({ place, app, channel }: { place: ChannelPlace; app: AppRecord; channel: IndexChannel }) {
  const { name, release } = channel;
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        {name}
      </th>
      <td role="cell" class="version">
        {release === null ? <span class="t3">no release</span> : versionText(release)}
      </td>
      <td role="cell" class="t2 nw">
        {release?.published_at != null && <Day at={release.published_at} />}
      </td>
      <td role="cell" class="nw">
        <a href={installUrl(place)}>
          Install page<span class="vh">{` of ${app.slug}, ${name}`}</span>
        </a>
      </td>
      <td role="cell">
        {release !== null && (
          <ul class="links">
            {release.artifacts.map((artifact) => (
              <li>
                <a href={stableUrl(place, artifact, release.artifacts)}>{fileLabel(artifact)}</a>{" "}
                <span class="t3 nw">
                  {decimalSize(artifact.size_bytes)}
                  {caveats[artifact.format] ?? ""}
                </span>
              </li>
            ))}
          </ul>
        )}
      </td>
    </tr>
  );
}

/** What a link to such a file must not hide. */
const caveats: { readonly [format in ArtifactRecord["format"]]?: string } = {
  ipa: ", with credentials",
  aab: ", not installable",
};

function fileLabel({ platform, arch, format }: ArtifactRecord): string {
  const words = [platformNames[platform], ...(arch === "universal" ? [] : [arch]), formatName(format)];
  return words.join(" ");
}
