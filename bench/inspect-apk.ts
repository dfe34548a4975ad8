/** Inspecting an APK of 200 MB with its signature of scheme v2 verified, against `sha256sum` and `apksigner verify` of the same file. */
import { spawnSync } from "node:child_process";
import { statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";

import type { RandomAccess } from "../src/base/random-access.ts";
import { androidManifest, apkFile } from "../src/inspect/apk/apk-fixtures.ts";
import { inspectArtifact } from "../src/inspect/inspect-artifact.ts";
import { seeded } from "../test/support/mutations.ts";
import { SigningKeys } from "../test/support/signing-keys.ts";
import { inTemporaryDirectory, median, printPair, timeCommand, timeWork } from "./measure.ts";

const ROUNDS = 11;
const ASSETS = 100;
const ASSET_BYTES = 2_000_000;
const MAX_OF_SHA256SUM = 1.5;
const MAX_OF_APKSIGNER = 0.5;

await inTemporaryDirectory(async (directory) => {
  const path = join(directory, "acme.apk");
  await writeApk(directory, path);
  const megabytes = Math.round(statSync(path).size / 1e6);
  const ours: number[] = [];
  const sha256sum: number[] = [];
  const apksigner: number[] = [];
  // The first round fills caches and is not counted.
  for (let round = 0; round <= ROUNDS; round += 1) {
    const times = [
      await timeWork(() => inspect(path)),
      timeCommand("sha256sum", [path]),
      timeCommand("apksigner", ["verify", path]),
    ] as const;
    if (round === 0) continue;
    ours.push(times[0]);
    sha256sum.push(times[1]);
    apksigner.push(times[2]);
  }
  const what = `An APK of ${megabytes} MB with its signature verified`;
  printPair(what, ours, sha256sum, "sha256sum");
  printPair(what, ours, apksigner, "apksigner verify, with its start");
  judge("sha256sum", median(ours) / median(sha256sum), MAX_OF_SHA256SUM);
  judge("apksigner verify", median(ours) / median(apksigner), MAX_OF_APKSIGNER);
});

function judge(peer: string, ratio: number, wanted: number): void {
  console.log(`at most ${wanted} times ${peer} is wanted: ${ratio <= wanted ? "met" : "MISSED"}`);
}

async function inspect(path: string): Promise<void> {
  const file = await open(path);
  try {
    const bytes: RandomAccess = {
      sizeBytes: (await file.stat()).size,
      read: async (offset, length) => {
        const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, offset);
        return buffer.subarray(0, bytesRead);
      },
      close: async () => {},
    };
    const declared = { platform: "android_apk", filename: "acme.apk" } as const;
    const { identity, status } = await inspectArtifact(bytes, declared, { nowMs: Date.now(), verify: true });
    if (status !== "passed" || identity.signers[0]?.verified !== true) {
      throw new Error("The APK was not verified.");
    }
  } finally {
    await file.close();
  }
}

/** Half of the assets are stored, half are compressed (which makes nothing of them smaller). Signed by scheme v2 alone, as for Android 7 on. */
async function writeApk(directory: string, path: string): Promise<void> {
  const random = seeded(1);
  const noise = Buffer.from(Uint32Array.from({ length: ASSET_BYTES / 4 }, () => random(2 ** 32)).buffer);
  const assets = Array.from({ length: ASSETS }, (_, index) => {
    const content = Buffer.from(noise);
    content.writeUInt32LE(index);
    return [`assets/${index}.bin`, [content, { level: index % 2 === 0 ? 0 : 1 }]] as const;
  });
  const unsigned = join(directory, "unsigned.apk");
  writeFileSync(
    unsigned,
    apkFile({
      "AndroidManifest.xml": androidManifest({ minSdk: 24, targetSdk: 34 }),
      ...Object.fromEntries(assets),
    }),
  );
  const keys = await SigningKeys.create();
  try {
    const { key, certificate } = await keys.make({ subject: "/CN=Acme" });
    await keys.openssl("pkcs8", "-topk8", "-nocrypt", "-in", key, "-outform", "DER", "-out", `${key}.pk8`);
    const schemes = ["--v1-signing-enabled=false", "--v2-signing-enabled=true", "--v3-signing-enabled=false"];
    const from = ["--key", `${key}.pk8`, "--cert", certificate, "--in", unsigned, "--out", path];
    const { status, stderr } = spawnSync(
      "apksigner",
      ["sign", ...schemes, "--v4-signing-enabled=false", ...from],
      { encoding: "utf8" },
    );
    if (status !== 0) throw new Error(stderr);
  } finally {
    await keys.remove();
  }
}
