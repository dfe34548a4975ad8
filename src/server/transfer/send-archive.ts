import type { Context } from "hono";

import { DistError } from "../../base/errors.ts";
import type { ArchiveFormat } from "../../registry/records/packages.ts";
import type { Registry } from "../../registry/registry.ts";
import { isNamed } from "../conditional.ts";
import type { Metrics } from "../metrics.ts";
import type { PartDeps, ServerEnv } from "../server-context.ts";
import { alreadySent, setHead } from "./already-sent.ts";
import { attachment } from "./content-disposition.ts";
import { passOn } from "./pass-on.ts";

/**
 * Answers GET and HEAD with a package as one archive, made as fast as the client takes it. When it breaks off the connection is
 * destroyed: its length is not known before, and a short one must never look complete.
 */
export async function sendArchive(
  c: Context<ServerEnv>,
  { log, metrics }: Pick<PartDeps, "log" | "metrics">,
  asked: { readonly registry: Registry; readonly id: string; readonly format: ArchiveFormat },
): Promise<Response> {
  const { registry, id, format } = asked;
  const { manifest_sha256: manifest } = await registry.getPackage(id);
  // Weak: the same files, but perhaps not the same bytes around them in another version of this program.
  const etag = manifest === null ? undefined : `W/"${manifest}-${format}"`;
  const headers = {
    "Cache-Control": "private, no-cache",
    Vary: "Authorization",
    ...(etag !== undefined && { ETag: etag }),
  };
  if (etag !== undefined && isNamed(c.req.header("If-None-Match"), etag, { weak: true })) {
    return c.body(null, 304, headers);
  }
  const archive = await registry.openPackageArchive(id, format);
  try {
    const head = c.body(null, 200, {
      ...headers,
      "Content-Type": archive.content_type,
      "Content-Disposition": attachment(archive.filename, id),
    });
    if (c.req.method === "HEAD") return head;
    setHead(c.env.outgoing, head);
    await passOn(counted(archive.stream, metrics), c.env.outgoing).catch((error: unknown) => {
      // Anything else is the client's going away.
      if (error instanceof DistError) log.error({ err: error, package: id }, "archive cut short");
    });
  } finally {
    archive.stream.destroy();
  }
  return alreadySent;
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  metrics: Pick<Metrics, "downloaded">,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    metrics.downloaded(chunk.byteLength);
    yield chunk;
  }
}
