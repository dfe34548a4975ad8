import { basename, resolve } from "node:path";

import { parseArchName } from "../arch-name.ts";
import type { Run } from "../command.ts";
import { fileSource } from "../../registry/file-source.ts";
import { namedRelease, refOf } from "../release-head.ts";
import type { releaseAttach } from "../specs/release.ts";
import { upload } from "../upload.ts";
import { releaseText } from "../views.ts";

export const run: Run<typeof releaseAttach> = async (context, { args, options }) => {
  const named = await namedRelease(options, context.directory);
  const source = await fileSource(resolve(context.directory, args.file));
  const filename = options.filename ?? basename(source.path);
  const registry = await context.registry();
  const stored = await upload(context, registry, source, { filename });
  const release = await registry.attachArtifact(
    named.app,
    refOf(named),
    {
      platform: options.platform,
      arch: parseArchName(options.arch),
      format: options.format,
      filename,
      content_type: options.contentType,
      size: stored.size_bytes,
      sha256: stored.sha256,
      metadata: options.metadata.length === 0 ? undefined : Object.fromEntries(options.metadata),
    },
    { replace: options.replace },
  );
  context.output.result(release, () => releaseText(release));
};
