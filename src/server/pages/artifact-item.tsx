import type { ArtifactRecord } from "../../registry/records/releases.ts";
import { type ArtifactFacts, artifactFacts } from "./artifact-facts.ts";
import { Command } from "./document.tsx";
import type { InstallModel } from "./install-model.ts";
import { curlLine, exactUrl, stableUrl } from "./links.ts";
import { decimalSize, formatName, type Platform, shownName, versionText } from "./wording.ts";

interface ArtifactItemProps {
  model: InstallModel;
  artifact: ArtifactRecord;
  /** The one most visitors with this device want. */
  isFirstChoice: boolean;
}

/** One file of the release: what it is, its button, and the lines for a terminal. */
export function ArtifactItem({ model, artifact, isFirstChoice }: ArtifactItemProps) {
  const { place, release, app, mayReadIpa } = model;
  const isIpa = artifact.format === "ipa";
  const needsToken = isIpa || app.visibility === "private";
  const size = decimalSize(artifact.size_bytes);
  const facts = artifactFacts(artifact, model.device);
  return (
    <li class="file">
      <div>
        <h3>
          <bdi>{shownName(artifact.filename)}</bdi>
        </h3>
        <p class="meta">
          {release === null ? "" : `${versionText(release)}, `}
          {artifact.arch}, {formatName(artifact.format)}, <span class="nw">{size}</span>,{" "}
          <span class="nw">
            sha256 <code title={`sha256 ${artifact.sha256}`}>{artifact.sha256.slice(0, 12)}</code>
          </span>
        </p>
        <FactLines facts={facts} />
      </div>
      {isIpa && !mayReadIpa ? (
        <p class="meta locked">Download needs sign-in or a token with the scope read.</p>
      ) : (
        <a class={isFirstChoice && !isIpa ? "btn go" : "btn"} href={exactUrl(place, artifact)}>
          Download {formatName(artifact.format)}, {size}
          <span class="vh">: {shownName(artifact.filename)}</span>
        </a>
      )}
      <details open={isFirstChoice && !isHandheld(artifact.platform)}>
        <summary>Terminal and full digest</summary>
        <Command text={curlLine(stableUrl(place, artifact, release?.artifacts ?? []), needsToken)} />
        <p class="meta">Fetches what is current at the time. The digest of the file above, SHA-256:</p>
        <Command text={artifact.sha256} />
      </details>
    </li>
  );
}

/** What it needs, who signed it and what it may ask for; then what will go wrong. */
function FactLines({ facts: { needs, signed, permissions, warnings } }: { facts: ArtifactFacts }) {
  const others = permissions.more === 1 ? "1 other" : `${permissions.more} others`;
  return (
    <>
      {(needs !== null || signed !== null) && (
        <p class="meta">
          {needs !== null && `Needs ${needs}. `}
          {signed !== null && <bdi>{signed}</bdi>}
        </p>
      )}
      {permissions.words.length > 0 && (
        <p class="meta">
          May ask for {permissions.words.join(", ")}
          {permissions.more > 0 && `; declares ${others}`}.
        </p>
      )}
      {warnings.map((warning) => (
        <p class="warn">
          <bdi>{warning}</bdi>
        </p>
      ))}
    </>
  );
}

/** Where there is a browser and seldom a terminal. */
function isHandheld(platform: Platform): boolean {
  return platform === "ios" || platform === "android_apk";
}
