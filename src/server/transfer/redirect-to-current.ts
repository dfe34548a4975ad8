import type { Handler } from "hono";

import { type Arch, arches, formats, platforms } from "../../registry/manifest/vocabulary.ts";
import { httpErrors } from "../http-errors.ts";
import type { ServerEnv } from "../server-context.ts";

/** Other names that are accepted for an architecture. */
const aliases: ReadonlyMap<string, Arch> = new Map([
  ["amd64", "x86_64"],
  ["aarch64", "arm64"],
]);

/**
 * GET, HEAD /download/{app}/{channel}/{platform}[/{arch}][/{format}]: redirects to the artifact that the channel's current release
 * has. One further segment is a format if it names one, else an arch. Raises `request.not_found` for words that name
 * nothing, and what `currentArtifact` raises.
 */
export const redirectToCurrent: Handler<ServerEnv> = async (c) => {
  // Also of a refusal: the next release may end it.
  c.header("Cache-Control", "no-store");
  const { app = "", channel = "", platform: platformName = "", ...words } = c.req.param();
  const { archOrFormat } = words;
  const isFormat = wordOf(formats, archOrFormat) !== undefined;
  const archName = words["arch"] ?? (isFormat ? undefined : archOrFormat);
  const formatName = words["format"] ?? (isFormat ? archOrFormat : undefined);

  const platform = wordOf(platforms, platformName);
  const arch = archName === undefined ? undefined : (aliases.get(archName) ?? wordOf(arches, archName));
  const format = wordOf(formats, formatName);
  if (
    platform === undefined ||
    (archName !== undefined && arch === undefined) ||
    (formatName !== undefined && format === undefined)
  ) {
    throw httpErrors.error("request.not_found", "The address names no platform, architecture or format.", {
      details: { platforms, arches, formats },
    });
  }
  const artifact = await c.var.registry.currentArtifact(app, channel, { platform, arch, format });
  const share = c.var.share === undefined ? "" : `&share=${encodeURIComponent(c.var.share)}`;
  return c.redirect(`/download/${artifact.sha256}?artifact=${artifact.id}&channel=${channel}${share}`, 302);
};

/** The word of a closed list that `text` is; undefined for any other. */
function wordOf<Word extends string>(words: readonly Word[], text: string | undefined): Word | undefined {
  return words.find((word) => word === text);
}
