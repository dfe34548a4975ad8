import type { DownloadLink } from "../../registry/records/links.ts";
import { signedDownloadUrl } from "../signed-address.ts";

/** What a record holds other records under. Nothing else is looked into: metadata is the publisher's own. */
const NESTED = ["items", "releases", "release", "artifacts"] as const;

/**
 * A registry's answer as it leaves the server: where a release or an artifact says on which path of this machine its bytes
 * are, it says instead where they are downloaded. Null, for bytes that are gone, stays.
 */
export function withPublicLinks(value: unknown, baseUrl: string): unknown {
  if (Array.isArray(value)) return value.map((item) => withPublicLinks(item, baseUrl));
  if (typeof value !== "object" || value === null) return value;
  const record: Record<string, unknown> = { ...value };
  for (const key of NESTED) {
    if (key in record) record[key] = withPublicLinks(record[key], baseUrl);
  }
  const { app, channel, secret } = record;
  if (typeof secret === "string" && secret.startsWith("share_") && typeof app === "string") {
    const page = typeof channel === "string" ? `install/${app}/${channel}` : "";
    record["url"] = `${baseUrl}/${page}?share=${secret}`;
  } else if (typeof record["signature"] === "string" && typeof record["artifact_id"] === "string") {
    record["url"] = signedDownloadUrl(baseUrl, value as DownloadLink);
  } else if (typeof record["url"] === "string") {
    const digest = record["manifest_sha256"] ?? record["sha256"];
    record["url"] = typeof digest === "string" ? `${baseUrl}/download/${digest}` : null;
  }
  return record;
}
