import { randomBytes } from "node:crypto";

import { signingKeyById, insertSigningKey } from "../../catalog/queries/signing-keys.ts";
import type { Context } from "../context.ts";

/** The row of the key that signs addresses. */
const LINKS = "links";
const KEY_BYTES = 32;

/** The store's key; undefined while nothing was ever signed. */
export async function linkKey({ database }: Pick<Context, "database">): Promise<Uint8Array | undefined> {
  return (await database.read((reader) => reader.first(signingKeyById, { id: LINKS })))?.secret;
}

/** The store's key, made now by the first who signs: every process and node of a store signs with the same one. */
export async function makeLinkKey(context: Context): Promise<Uint8Array> {
  const present = await linkKey(context);
  if (present !== undefined) return present;
  return context.database.write(context.principal, async (tx) => {
    // Another process may have made it since.
    const made = await tx.first(signingKeyById, { id: LINKS });
    if (made !== undefined) return made.secret;
    const secret = randomBytes(KEY_BYTES);
    await tx.run(insertSigningKey, { id: LINKS, secret, created_at: tx.now });
    return secret;
  });
}
