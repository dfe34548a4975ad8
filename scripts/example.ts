import { cp, mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import { strToU8, zipSync } from "fflate";

/**
 * Puts the example inputs into a directory: a real Android application (the Android API demos, from the development
 * dependencies), a small iOS application made here, and the dist.json that publishes both. Returns the path of dist.json.
 */
export async function writeExample(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true });
  const demos = dirname(createRequire(import.meta.url).resolve("android-apidemos/package.json"));
  await cp(join(demos, "apks", "ApiDemos-debug.apk"), join(directory, "api-demos.apk"));
  await writeFile(join(directory, "ApiDemos.ipa"), exampleIpa());
  const manifest = join(directory, "dist.json");
  await writeFile(manifest, `${JSON.stringify(exampleManifest, null, 2)}\n`);
  return manifest;
}

const exampleManifest = {
  app: "api-demos",
  display_name: "API Demos",
  version: "5.0.0",
  build: "25",
  channel: "beta",
  notes: "The example that ships with the source.",
  artifacts: [
    { platform: "android_apk", path: "api-demos.apk" },
    { platform: "ios", path: "ApiDemos.ipa" },
  ],
};

/** An unsigned IPA: a zip with `Payload/Name.app/Info.plist`. */
export function exampleIpa(): Uint8Array {
  const info = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
  <key>CFBundleIdentifier</key><string>org.example.apidemos</string>
  <key>CFBundleName</key><string>API Demos</string>
  <key>CFBundleShortVersionString</key><string>5.0.0</string>
  <key>CFBundleVersion</key><string>25</string>
  <key>MinimumOSVersion</key><string>15.0</string>
</dict></plist>
`;
  // A fixed date: the same bytes, and so the same digest, every time.
  return zipSync({ "Payload/ApiDemos.app/Info.plist": strToU8(info) }, { mtime: "2026-01-01T00:00:00Z" });
}
