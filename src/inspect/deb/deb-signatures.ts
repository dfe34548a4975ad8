import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly } from "../bytes.ts";
import type { Finding } from "../inspection.ts";
import { type OpenPgpSignature, openPgpSignatures } from "../openpgp/openpgp-signature.ts";
import { readPart, UnreadableError } from "../unreadable.ts";
import type { ArMember } from "./ar-members.ts";

/** A signature has some hundred bytes; dpkg-sig's text around one a little more. */
const MAX_SIGNATURE_BYTES = 64 * 1024;

/** One signature of the package's members, by debsigs or dpkg-sig. */
export interface DebSignature {
  /** What it is for, by its member's name: `origin`, `maint`, `archive`, `builder`. */
  readonly role: string;
  readonly signature: OpenPgpSignature;
}

/** The signatures that the package carries, in members named `_gpg` and a role. */
export async function readDebSignatures(
  bytes: RandomAccess,
  members: readonly ArMember[],
  findings: Finding[],
): Promise<DebSignature[]> {
  const signatures: DebSignature[] = [];
  for (const { name, offset, sizeBytes } of members.filter((member) => member.name.startsWith("_gpg"))) {
    const found = await readPart(findings, async () => {
      if (sizeBytes > MAX_SIGNATURE_BYTES) {
        const message = `The signature ${name} is larger than the ${MAX_SIGNATURE_BYTES} bytes that are read.`;
        throw new UnreadableError("limit", message, name);
      }
      const content = await readExactly(bytes, offset, sizeBytes);
      if (!content) throw new UnreadableError("truncated", `The signature ${name} is cut off.`, name);
      return openPgpSignatures(content);
    });
    const role = name.slice("_gpg".length);
    signatures.push(...(found ?? []).map((signature) => ({ role, signature })));
  }
  return signatures;
}
