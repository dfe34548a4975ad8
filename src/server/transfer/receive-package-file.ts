import type { Context } from "hono";

import { DistError } from "../../base/errors.ts";
import { checkFiles } from "../../registry/packages/package-rules.ts";
import type { ApiServer } from "../api/api-server.ts";
import { canonicalBody } from "../api/canonical-body.ts";
import { requireTag } from "../conditional.ts";
import type { ServerEnv } from "../server-context.ts";
import { uploadFrom } from "./upload-body.ts";

/**
 * PUT of a package's file: what can be refused without its bytes is refused before one is read, and before `100 Continue` asks for them.
 * Raises what an upload in one piece and `addPackageFiles` raise, and `request.precondition_failed`.
 */
export async function receivePackageFile(
  c: Context<ServerEnv>,
  server: ApiServer,
  { id, path, replace = false }: { readonly id: string; readonly path: string; readonly replace?: boolean },
): Promise<Response> {
  const { registry } = c.var;
  const type = c.req.header("Content-Type");
  const file = { path, ...(type !== undefined && { media_type: type }) };
  checkFiles([{ ...file, sha256: "" }]);
  // Nothing is added: what would keep anything from being added is raised.
  await registry.addPackageFiles(id, []);
  const tag = async () => `"${(await registry.openPackageFile(id, path)).sha256}"`;
  await requireTag(c.req.raw, tag);
  const { sha256 } = await uploadFrom(c, server);
  // The look at what is there and the change are one step for those who change it through this process.
  return server.turns.take(`${id}/${path}`, async () => {
    await requireTag(c.req.raw, tag);
    const before = await tag().catch(nothingThere);
    const [added] = await registry.addPackageFiles(id, [{ ...file, sha256 }], { replace });
    const { body, content } = canonicalBody(c.req.header("Accept"), { ...added! });
    return c.body(body, before === `"${sha256}"` ? 200 : 201, { ...content, "Cache-Control": "no-store" });
  });
}

function nothingThere(error: unknown): null {
  if (error instanceof DistError && error.kind === "not_found") return null;
  throw error;
}
