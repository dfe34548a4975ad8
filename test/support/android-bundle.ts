import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { unzipSync, zipSync } from "fflate";

import type { SigningKey, SigningKeys } from "./signing-keys.ts";

const run = promisify(execFile);

/** What makes and signs bundles. */
export const bundleTools = ["aapt2", "jarsigner", "openssl"] as const;

/** A real app as an APK. */
export const exampleApk = join(
  dirname(createRequire(import.meta.url).resolve("android-apidemos")),
  "apks/ApiDemos-debug.apk",
);

/** The files of a bundle, by path. */
export type BundleFiles = Record<string, Uint8Array>;

/** `BundleConfig` with bundletool's version. */
const config = (version: string): Buffer => {
  const text = Buffer.concat([Buffer.from([0x12, version.length]), Buffer.from(version)]);
  return Buffer.concat([Buffer.from([0x0a, text.length]), text]);
};

/** The example as the base module of a bundle: its manifest and resources as aapt2 writes them for bundles. */
export async function exampleBundle(keys: SigningKeys): Promise<BundleFiles> {
  const path = keys.path("proto.apk");
  await run("aapt2", ["convert", "--output-format", "proto", "-o", path, exampleApk]);
  const files: BundleFiles = { "BundleConfig.pb": config("1.15.6") };
  for (const [name, content] of Object.entries(unzipSync(await readFile(path)))) {
    if (name.startsWith("META-INF/") || name.endsWith("/")) continue;
    const place = name === "AndroidManifest.xml" ? `manifest/${name}` : name;
    files[`base/${name.endsWith(".dex") ? `dex/${name}` : place}`] = content;
  }
  return files;
}

/** The manifest of a module, from the XML of what says how it is delivered. */
export async function moduleManifest(keys: SigningKeys, module: string): Promise<Uint8Array> {
  const directory = keys.path("module");
  await mkdir(directory, { recursive: true });
  const xml = `<manifest xmlns:dist="http://schemas.android.com/apk/distribution" package="org.acme">${module}</manifest>`;
  await writeFile(join(directory, "AndroidManifest.xml"), xml);
  const out = join(directory, "module.apk");
  await run("aapt2", [
    "link",
    "--proto-format",
    "--manifest",
    join(directory, "AndroidManifest.xml"),
    "-o",
    out,
  ]);
  return unzipSync(await readFile(out))["AndroidManifest.xml"]!;
}

export function bundleOf(files: BundleFiles): Buffer {
  return Buffer.from(zipSync(files, { level: 1, mtime: "2026-01-01" }));
}

/** Signs a bundle as Gradle does, by jarsigner; answers the signed file's path. */
export async function signBundle(keys: SigningKeys, bundle: Buffer, signer: SigningKey): Promise<string> {
  const path = keys.path("signed.aab");
  await writeFile(path, bundle);
  const store = keys.path("store.p12");
  const from = ["-inkey", signer.key, "-in", signer.certificate, "-name", "acme", "-passout", "pass:secret"];
  await keys.openssl("pkcs12", "-export", ...from, "-out", store);
  const options = ["-keystore", store, "-storetype", "PKCS12", "-storepass", "secret"];
  await run("jarsigner", [...options, path, "acme"]);
  return path;
}

/** What jarsigner says of a bundle. */
export async function jarsignerVerifies(path: string): Promise<boolean> {
  const { stdout } = await run("jarsigner", ["-verify", path]).catch((error: { stdout: string }) => error);
  return stdout.includes("jar verified");
}
