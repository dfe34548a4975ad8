import { execFile, spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { androidManifest, apkFile, type FixtureManifest } from "../../src/inspect/apk/apk-fixtures.ts";
import { seeded } from "./mutations.ts";
import { type SigningKey, type SigningKeyOptions, SigningKeys } from "./signing-keys.ts";

const run = promisify(execFile);

/** The schemes to sign with. */
export type Schemes = readonly ("v1" | "v2" | "v3")[];

/** What `apksigner verify --print-certs -v` says. */
export interface ApksignerOpinion {
  readonly verifies: boolean;
  readonly schemes: readonly string[];
  /** The SHA-256 of each signer's certificate. */
  readonly certificates: readonly string[];
}

const random = seeded(7);
const noise = Buffer.from(Uint8Array.from({ length: 1_300_000 }, () => random(256)));

/** Three megabytes and a bit, so that the digests have several chunks, with entries that are compressed and one that is not. */
export function unsignedApk(manifest: FixtureManifest = {}): Buffer {
  return apkFile({
    "AndroidManifest.xml": androidManifest(manifest),
    "classes.dex": noise,
    "assets/large.bin": Buffer.concat([noise, noise.subarray(0, 500_000)]),
    "assets/text.txt": Buffer.from("text ".repeat(1000)),
    "res/": Buffer.alloc(0),
    "res/stored.png": [noise.subarray(0, 3000), { level: 0 }],
    "META-INF/services/acme": Buffer.from("acme"),
  });
}

/** Signs APKs with Debian's apksigner, in a directory of its own. Call `remove` at the end. */
export class ApkSigning {
  readonly keys: SigningKeys;
  #count = 0;

  private constructor(keys: SigningKeys) {
    this.keys = keys;
  }

  static async create(): Promise<ApkSigning> {
    return new ApkSigning(await SigningKeys.create());
  }

  /** A key as apksigner takes it: in DER, without a password. */
  async key(options: SigningKeyOptions): Promise<SigningKey> {
    const { key, certificate } = await this.keys.make(options);
    await this.keys.openssl(
      "pkcs8",
      "-topk8",
      "-nocrypt",
      "-in",
      key,
      "-outform",
      "DER",
      "-out",
      `${key}.pk8`,
    );
    return { key: `${key}.pk8`, certificate };
  }

  /** The file signed by the keys, oldest first where there is a lineage. */
  async sign(
    unsigned: Buffer,
    keys: readonly SigningKey[],
    schemes: Schemes,
    ...options: readonly string[]
  ): Promise<Buffer> {
    const input = await this.write(unsigned);
    const enabled = (["v1", "v2", "v3"] as const).map(
      (scheme) => `--${scheme}-signing-enabled=${schemes.includes(scheme)}`,
    );
    const signers = keys.flatMap(({ key, certificate }, index) => [
      ...(index > 0 ? ["--next-signer"] : []),
      "--key",
      key,
      "--cert",
      certificate,
    ]);
    const output = `${input}.signed`;
    await run("apksigner", [
      "sign",
      ...enabled,
      "--v4-signing-enabled=false",
      ...options,
      ...signers,
      "--in",
      input,
      "--out",
      output,
    ]);
    return readFile(output);
  }

  /** A history of keys, each of which hands over to the next, as a file for `--lineage`. */
  async lineage(...keys: readonly SigningKey[]): Promise<string> {
    let lineage: string | undefined;
    for (const [index, { key, certificate }] of keys.entries()) {
      const old = keys[index - 1];
      if (!old) continue;
      this.#count += 1;
      const output = this.keys.path(`lineage-${this.#count}`);
      await run("apksigner", [
        "rotate",
        ...(lineage === undefined ? [] : ["--in", lineage]),
        "--out",
        output,
        "--old-signer",
        "--key",
        old.key,
        "--cert",
        old.certificate,
        "--new-signer",
        "--key",
        key,
        "--cert",
        certificate,
      ]);
      lineage = output;
    }
    return lineage!;
  }

  /** Writes bytes into a file of the directory. */
  async write(bytes: Buffer): Promise<string> {
    this.#count += 1;
    const path = this.keys.path(`${this.#count}.apk`);
    await writeFile(path, bytes);
    return path;
  }

  async remove(): Promise<void> {
    await this.keys.remove();
  }
}

/** Apksigner's word on a file. */
export function apksignerOpinion(path: string): ApksignerOpinion {
  const { stdout, status } = spawnSync("apksigner", ["verify", "--print-certs", "-v", path], {
    encoding: "utf8",
  });
  const all = (pattern: RegExp) => [...stdout.matchAll(pattern)].map((match) => match[1]!);
  return {
    verifies: status === 0,
    schemes: all(/^Verified using (v\d) scheme.*: true$/gm),
    certificates: all(/^Signer #\d+ certificate SHA-256 digest: (\w+)$/gm),
  };
}

/** Whether apksigner verifies each of the files; one process for all of them. */
export function apksignerVerifies(paths: readonly string[]): readonly boolean[] {
  const program = fileURLToPath(new URL("VerifyApks.java", import.meta.url));
  const { stdout, stderr, status } = spawnSync("java", ["-cp", "/usr/share/java/apksig.jar", program], {
    input: paths.map((path) => `${path}\n`).join(""),
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => line === "true");
}
