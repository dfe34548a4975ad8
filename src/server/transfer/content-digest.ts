import { httpErrors } from "../http-errors.ts";

/** A member of the dictionary of RFC 9530: `sha-256=:base64:`. 32 bytes are 43 characters and one `=`. */
const SHA256_MEMBER = /^sha-256=:([A-Za-z0-9+/]{43}=):$/;

/**
 * The SHA-256, in hex, that a `Content-Digest` header asks for; empty when there is no header, or none of that algorithm
 * (RFC 9530, 2: "A recipient MAY ignore any or all digests"). Raises `request.invalid_parameter`.
 */
export function parseContentDigest(header: string | undefined): { sha256?: string } {
  for (const member of (header ?? "").split(",").map((text) => text.trim())) {
    if (!member.startsWith("sha-256=")) continue;
    const base64 = SHA256_MEMBER.exec(member)?.[1];
    if (base64 === undefined) {
      throw httpErrors.error("request.invalid_parameter", "Content-Digest has no readable sha-256.", {
        details: { header: "Content-Digest" },
        hint: "Write sha-256=:BASE64:, with the digest's 32 bytes in base64.",
      });
    }
    return { sha256: Buffer.from(base64, "base64").toString("hex") };
  }
  return {};
}

/** The value of `Repr-Digest` for a SHA-256 in hex. */
export function reprDigest(sha256: string): string {
  return `sha-256=:${Buffer.from(sha256, "hex").toString("base64")}:`;
}
