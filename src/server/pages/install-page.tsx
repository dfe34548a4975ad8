import { ArtifactItem } from "./artifact-item.tsx";
import { Command, Day, Document, htmlOf } from "./document.tsx";
import type { InstallModel, PlatformSection } from "./install-model.ts";
import { IosWords } from "./ios-section.tsx";
import { installUrl, objectUrl, withShare } from "./links.ts";
import { QrCode } from "./qr-code.tsx";
import { type Platform, platformNames, shownName, versionText } from "./wording.ts";

/** What a visitor should know of a platform's files before the first tap. */
const platformWords: { readonly [platform in Platform]?: string } = {
  android_apk: "Android asks once whether this browser may install apps.",
  android_aab:
    "Not installable from a page, and by no device: an App Bundle is what Google Play takes to make APKs of.",
};

/** The whole install page of a channel. */
export function installPage(model: InstallModel): string {
  const { app, place, release, sections } = model;
  const name = shownName(app.display_name);
  const title = release === null ? `${name}, ${place.channel}` : `${name} ${release.version}`;
  return htmlOf(
    <Document title={title}>
      <main>
        <header class="top">
          <AppIcon model={model} />
          <div class="who">
            <h1>
              <bdi>{name}</bdi>
            </h1>
            <Headline model={model} />
            <VisibilityWords model={model} />
            <TabletWords model={model} />
          </div>
          <figure class="qr">
            <QrCode text={installUrl(place)} label={`QR code of ${installUrl(place)}`} />
            <figcaption>On a phone: scan</figcaption>
          </figure>
        </header>
        {release === null && <NoRelease model={model} />}
        <MissingWords model={model} />
        {sections.map((section) => (
          <Section model={model} section={section} />
        ))}
        {model.notes !== null && (
          <section>
            <h2>What is new</h2>
            <p class="notes" dir="auto">
              {model.notes}
            </p>
          </section>
        )}
        <footer>
          <a href={withShare(`${place.baseUrl}/`, place.share)}>All apps on this server</a>
        </footer>
      </main>
    </Document>,
  );
}

/** The first icon that a file of the release brings; its name stands beside it. */
function AppIcon({ model: { release, place } }: { model: InstallModel }) {
  const sha256 = release?.artifacts.find(({ icon_sha256: icon }) => icon !== null)?.icon_sha256;
  if (sha256 == null) return null;
  return <img class="icon" src={objectUrl(place, sha256)} alt="" width="56" height="56" />;
}

function Headline({ model: { app, place, release } }: { model: InstallModel }) {
  return (
    <p class="t2">
      {release !== null && (
        <>
          <b>{versionText(release)}</b>,{" "}
        </>
      )}
      {place.channel}
      {release?.published_at != null && (
        <>
          , <Day at={release.published_at} />
        </>
      )}
      {app.owner !== null && (
        <>
          . From <bdi>{shownName(app.owner)}</bdi>
        </>
      )}
    </p>
  );
}

function VisibilityWords({ model: { app } }: { model: InstallModel }) {
  if (app.visibility !== "private") return null;
  return <p class="meta">Private: this page and its files open only with credentials.</p>;
}

function NoRelease({ model: { place } }: { model: InstallModel }) {
  return (
    <div class="say">
      <p>
        <b>The channel {place.channel} points at no release.</b> There is nothing to download here now.
        Whoever publishes the app fills it with
      </p>
      <Command text={`dist release promote VERSION --app ${place.app} --channel ${place.channel}`} />
    </div>
  );
}

/** A Mac's visitor may hold an iPad, which is then shown the wrong section first. */
function TabletWords({ model: { device, sections } }: { model: InstallModel }) {
  if (device.platform !== "macos" || !sections.some(({ platform }) => platform === "ios")) return null;
  return (
    <p class="meta">
      An iPad can present itself as a Mac, and this page cannot tell the two apart. On an iPad, see{" "}
      <a href="#ios">{platformNames.ios}</a>.
    </p>
  );
}

function MissingWords({ model: { device, release, sections } }: { model: InstallModel }) {
  if (device.platform === null || release === null) return null;
  if (sections.some(({ platform }) => platform === device.platform)) return null;
  return (
    <p class="say">
      <b>This device: {platformNames[device.platform]}.</b> {release.version} has no file for it.
    </p>
  );
}

function Section({ model, section }: { model: InstallModel; section: PlatformSection }) {
  const { platform, isThisDevice, artifacts, ios } = section;
  const words = platformWords[platform];
  return (
    <section id={platform} class={isThisDevice ? "here" : undefined}>
      <h2>
        {platformNames[platform]}
        {isThisDevice && <span class="mark">This device</span>}
      </h2>
      {words !== undefined && <p class="t2">{words}</p>}
      {ios !== null && <IosWords app={model.app} offer={ios} isThisDevice={isThisDevice} />}
      {artifacts.length > 0 && (
        <ul class="files">
          {artifacts.map((artifact, index) => (
            <ArtifactItem model={model} artifact={artifact} isFirstChoice={isThisDevice && index === 0} />
          ))}
        </ul>
      )}
    </section>
  );
}
