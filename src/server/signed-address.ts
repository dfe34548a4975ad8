import type { HonoRequest } from "hono";

import { fromTimestamp } from "../base/clock.ts";
import type { LinkTarget, PresentedLink } from "../registry/links/signed-links.ts";
import type { DownloadLink, LinkSignature } from "../registry/records/links.ts";

/** The signed address of an artifact's bytes. */
export function signedDownloadUrl(baseUrl: string, link: DownloadLink): string {
  return `${baseUrl}/download/${link.sha256}?artifact=${link.artifact_id}&${signedQuery(link)}`;
}

/** What a signed address ends with. */
export function signedQuery({ expires_at: expiresAt, signature }: LinkSignature): string {
  return `expires=${fromTimestamp(expiresAt) / 1000}&signature=${signature}`;
}

/** The signed address that a request came by; undefined for all others. */
export function presentedLink(req: HonoRequest): PresentedLink | undefined {
  const signature = req.query("signature");
  const target = targetOf(req);
  if (signature === undefined || target === undefined) return undefined;
  return { target, expires: req.query("expires") ?? "", signature };
}

/** What an address is for, as it would have been signed; undefined where signatures mean nothing. */
function targetOf(req: HonoRequest): LinkTarget | undefined {
  const { method, path } = req;
  if (method !== "GET" && method !== "HEAD") return undefined;
  const sha256 = /^\/download\/([^/]+)$/.exec(path)?.[1];
  if (sha256 !== undefined) return { kind: "download", sha256, artifact: req.query("artifact") ?? "" };
  const [, app, channel] = /^\/install\/([^/]+)\/([^/]+)\/manifest\.plist$/.exec(path) ?? [];
  return app === undefined || channel === undefined ? undefined : { kind: "install_manifest", app, channel };
}
