import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { promisify } from "node:util";

import { acmeApk } from "./acme-apk.ts";
import { type SigningKey, SigningKeys } from "./signing-keys.ts";

const run = promisify(execFile);

/** One app, `org.example.acme` 1.4 (42), as different people hand it out, and the digests of their certificates. */
export interface SignedApks {
  readonly old: Buffer;
  /** Signed by a stranger. */
  readonly other: Buffer;
  /** Signed by who took over from `old`, which it proves. */
  readonly rotated: Buffer;
  readonly unsigned: Buffer;
  /** Signed as `old`, under another package name. */
  readonly renamed: Buffer;
  readonly oldSigner: string;
  readonly otherSigner: string;
}

const ec = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

/** Makes them with apksigner and openssl, which takes some seconds. */
export async function signedApks(): Promise<SignedApks> {
  const keys = await SigningKeys.create();
  try {
    const [old, other, next] = [
      await keyOf(keys, "Acme"),
      await keyOf(keys, "Stranger"),
      await keyOf(keys, "Acme Next"),
    ];
    const lineage = keys.path("lineage");
    const rotation = ["--old-signer", ...asSigner(old), "--new-signer", ...asSigner(next)];
    await run("apksigner", ["rotate", "--out", lineage, ...rotation]);
    const both = [...asSigner(old), "--next-signer", ...asSigner(next), "--lineage", lineage];
    return {
      old: await sign(keys, acmeApk(), asSigner(old)),
      other: await sign(keys, acmeApk(), asSigner(other)),
      // Android knows rotation from version 9 on.
      rotated: await sign(keys, acmeApk({ minSdk: 28 }), both),
      unsigned: acmeApk(),
      renamed: await sign(keys, acmeApk({ name: "org.example.other" }), asSigner(old)),
      oldSigner: await certificateId(old),
      otherSigner: await certificateId(other),
    };
  } finally {
    await keys.remove();
  }
}

/** Apksigner takes keys in DER. */
async function keyOf(keys: SigningKeys, name: string): Promise<SigningKey> {
  const { key, certificate } = await keys.make({ subject: `/CN=${name}`, algorithm: ec });
  const der = `${key}.pk8`;
  await keys.openssl("pkcs8", "-topk8", "-nocrypt", "-in", key, "-outform", "DER", "-out", der);
  return { key: der, certificate };
}

function asSigner({ key, certificate }: SigningKey): string[] {
  return ["--key", key, "--cert", certificate];
}

async function sign(keys: SigningKeys, apk: Buffer, signer: readonly string[]): Promise<Buffer> {
  const path = keys.path("app.apk");
  await writeFile(path, apk);
  await run("apksigner", ["sign", "--v4-signing-enabled=false", ...signer, path]);
  return readFile(path);
}

async function certificateId({ certificate }: SigningKey): Promise<string> {
  const { fingerprint256 } = new X509Certificate(await readFile(certificate));
  return fingerprint256.replaceAll(":", "").toLowerCase();
}
