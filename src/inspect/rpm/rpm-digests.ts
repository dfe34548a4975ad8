import { createHash } from "node:crypto";

import type { RandomAccess } from "../../base/random-access.ts";
import { rangeSource } from "../unpack/chunk-reader.ts";
import type { RpmHeader } from "./rpm-header.ts";
import { digestAlgorithms, mainTags, signatureTags } from "./rpm-tags.ts";

/** One digest that the package states, and whether it is that of what it covers. */
export interface RpmDigest {
  readonly covers: "header" | "header and payload" | "payload";
  readonly algorithm: string;
  readonly stated: string;
  readonly verified: boolean;
}

/** A digest that is stated, with the hash that the bytes it covers go through. */
interface Check extends Omit<RpmDigest, "verified"> {
  readonly hash: ReturnType<typeof createHash>;
}

const MD5_BYTES = 16;

/** Verifies the digests of the signature header and of the main header, reading all that they cover. */
export async function verifyDigests(
  bytes: RandomAccess,
  signature: RpmHeader,
  main: RpmHeader,
): Promise<RpmDigest[]> {
  const { sha1Header, sha256Header, md5 } = signatureTags;
  const checks: Check[] = [];
  const add = (covers: Check["covers"], algorithm: string, stated: string | undefined) => {
    if (stated !== undefined) checks.push({ covers, algorithm, stated, hash: createHash(algorithm) });
  };
  add("header", "sha1", await signature.text(sha1Header));
  add("header", "sha256", await signature.text(sha256Header));
  add("header and payload", "md5", (await signature.binary(md5, MD5_BYTES))?.toString("hex"));
  const algorithm = digestAlgorithms.get((await main.number(mainTags.payloadDigestAlgorithm)) ?? 0);
  if (algorithm !== undefined) add("payload", algorithm, (await main.texts(mainTags.payloadDigest))[0]);

  await update(
    bytes,
    main.start,
    main.stop,
    checks.filter(({ covers }) => covers !== "payload"),
  );
  await update(
    bytes,
    main.stop,
    bytes.sizeBytes,
    checks.filter(({ covers }) => covers !== "header"),
  );
  return checks.map(({ hash, ...check }) => ({ ...check, verified: hash.digest("hex") === check.stated }));
}

async function update(
  bytes: RandomAccess,
  start: number,
  stop: number,
  checks: readonly Check[],
): Promise<void> {
  if (checks.length === 0) return;
  const source = rangeSource(bytes, start, stop);
  for (let chunk = await source.next(); chunk !== null; chunk = await source.next()) {
    for (const { hash } of checks) hash.update(chunk);
  }
}
