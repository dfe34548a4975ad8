import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { androidManifest, apkFile } from "../../src/inspect/apk/apk-fixtures.ts";
import type { ArtifactRequest } from "../../src/registry/records/releases.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { sourceOf } from "./test-store.ts";

/** Who signed the API demos, as SHA-256 of the certificate: what `apksigner verify --print-certs` says of it. */
export const DEMOS_SIGNER = "18e8534fed30cbf9959e4073e723e3395a3f92fd6b41756d5fbc788f280c1107";

/** The API demos: `io.appium.android.apis` 5.0.0 (25), debuggable, signed by schemes v1 and v2, with an icon. */
export function demosApk(): Promise<Buffer> {
  return readFile(createRequire(import.meta.url).resolve("android-apidemos/apks/ApiDemos-debug.apk"));
}

/** A picture of one point, as PNG; another `text` makes other bytes. */
export function pngFile(text = ""): Buffer {
  const point =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  return Buffer.concat([Buffer.from(point, "base64"), Buffer.from(text)]);
}

export interface AcmeApk {
  readonly name?: string;
  readonly minSdk?: number;
  readonly icon?: Buffer;
  /** Makes other bytes. */
  readonly text?: string;
}

/** The app `org.example.acme` 1.4 (42), unsigned. */
export function acmeApk({ name = "org.example.acme", minSdk = 24, icon, text = "" }: AcmeApk = {}): Buffer {
  const application = icon ? { application: { "android:icon": "res/icon.png" } } : {};
  return apkFile({
    "AndroidManifest.xml": androidManifest({ minSdk, attributes: { package: name }, ...application }),
    "classes.dex": Buffer.from(`dex\n035\0${text}`),
    ...(icon && { "res/icon.png": icon }),
  });
}

/** Uploads an APK; answers it as a publication names it. */
export async function uploadApk(
  registry: Registry,
  bytes: Buffer,
  changes: Partial<ArtifactRequest> = {},
): Promise<ArtifactRequest> {
  const { sha256 } = await registry.uploadObject(sourceOf(bytes));
  return { platform: "android_apk", filename: "acme.apk", sha256, ...changes };
}
