import { createHmac, timingSafeEqual } from "node:crypto";

import { fromTimestamp, toTimestamp } from "../../base/clock.ts";
import type { Context } from "../context.ts";
import { linkErrors } from "../errors.ts";
import type { Principal } from "../principal.ts";
import type { LinkSignature } from "../records/links.ts";
import { linkKey, makeLinkKey } from "./signing-key.ts";

/** What one signed address is for. A signature for one is none for any other. */
export type LinkTarget =
  | { readonly kind: "download"; readonly sha256: string; readonly artifact: string }
  | { readonly kind: "install_manifest"; readonly app: string; readonly channel: string };

/** A signed address as somebody presents it: nothing in it is to be believed yet. */
export interface PresentedLink {
  readonly target: LinkTarget;
  /** Seconds since the Unix epoch. */
  readonly expires: string;
  readonly signature: string;
}

/** Signs an address that ends at this time, rounded down to a second. */
export async function signLink(
  context: Context,
  target: LinkTarget,
  endsAtMs: number,
): Promise<LinkSignature> {
  const expires = Math.floor(endsAtMs / 1000);
  const signature = hmac(await makeLinkKey(context), target, expires).toString("hex");
  return { expires_at: toTimestamp(expires * 1000), signature };
}

/** When an address ends that should work until `endsAtMs`: with the credential of whoever asks for it, if that ends before. */
export function linkEnd({ principal }: Pick<Context, "principal">, endsAtMs: number): number {
  return principal.expiresAt === null ? endsAtMs : Math.min(endsAtMs, fromTimestamp(principal.expiresAt));
}

/**
 * The principal behind a signed address: somebody who may have what the address is for. For the bytes of one artifact that
 * is a grant of its own; for a channel's manifest, what a share link of the channel gives.
 * Raises `download.link_invalid`, `download.link_expired`.
 */
export async function authenticateLink(
  context: Omit<Context, "principal">,
  link: PresentedLink,
): Promise<Principal> {
  const expires = await verifiedEnd(context, link);
  const expiresAt = toTimestamp(expires * 1000);
  if (context.clock.nowMs() >= expires * 1000) {
    throw linkErrors.error("download.link_expired", "The signed address has expired.", {
      details: { expires_at: expiresAt },
    });
  }
  const { target } = link;
  return {
    actor: "link",
    actorId: null,
    scopes: new Set(),
    app: null,
    channel: null,
    expiresAt,
    ...(target.kind === "download"
      ? { link: { artifact: target.artifact } }
      : { share: { app: target.app, channel: target.channel } }),
  };
}

/** Seconds since the Unix epoch. Raises `download.link_invalid` unless the address was signed with this store's key. */
async function verifiedEnd(context: Omit<Context, "principal">, link: PresentedLink): Promise<number> {
  const isWellFormed = /^[1-9]\d{0,11}$/.test(link.expires) && /^[0-9a-f]{64}$/.test(link.signature);
  const key = isWellFormed ? await linkKey(context) : undefined;
  const expires = Number(link.expires);
  const given = Buffer.from(link.signature, "hex");
  // Compared in constant time: how long a refusal takes must not tell how much of a guess was right.
  if (key === undefined || !timingSafeEqual(hmac(key, link.target, expires), given)) {
    throw linkErrors.error("download.link_invalid", "The address was not signed here, or was changed since.");
  }
  return expires;
}

/** HMAC-SHA256 over what the address is for and when it ends, as JSON: no two targets have the same text. */
function hmac(key: Uint8Array, target: LinkTarget, expires: number): Buffer {
  const fields = target.kind === "download" ? [target.sha256, target.artifact] : [target.app, target.channel];
  return createHmac("sha256", key)
    .update(JSON.stringify([target.kind, ...fields, expires]))
    .digest();
}
