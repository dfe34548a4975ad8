import type { AppRecord } from "../../../registry/records/apps.ts";
import type { ArtifactRecord } from "../../../registry/records/releases.ts";
import { platformNames, shownName } from "../../pages/wording.ts";
import { appPath } from "../addresses.ts";
import { may, type Viewer } from "../viewer.ts";
import { Digest } from "./copy.tsx";
import { Part } from "./part.tsx";

/** Who may sign an app's releases, by platform. */
export function Signers({ app, viewer }: { app: AppRecord; viewer: Viewer }) {
  const pins = Object.entries(app.identity_constraints).filter(([, ids]) => ids.length > 0);
  return (
    <Part
      title="Who may sign"
      end={may(viewer, "admin", app.slug) && <a href={`${appPath(app.slug)}/settings`}>Change…</a>}
    >
      {pins.length === 0 ? (
        <p class="t2">
          {app.signer_pinning === "first_use"
            ? "Nobody is pinned yet: whoever signs the first release of a platform will be."
            : "Nobody is pinned, and nobody will be until an administrator says so."}
        </p>
      ) : (
        <dl class="facts">
          {pins.map(([platform, ids]) => (
            <>
              <dt>{platformNames[platform as ArtifactRecord["platform"]] ?? platform}</dt>
              <dd>
                {ids.map((id) => (
                  <div>
                    {/^[0-9a-f]{64}$/.test(id) ? (
                      <Digest value={id} what="the certificate's digest" />
                    ) : (
                      <code>{shownName(id)}</code>
                    )}
                  </div>
                ))}
              </dd>
            </>
          ))}
        </dl>
      )}
      <p class="t3">A release signed by anybody else is refused. Changing a pin is an event.</p>
    </Part>
  );
}
