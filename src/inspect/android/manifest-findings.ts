import { finding } from "../findings.ts";
import type { Finding } from "../inspection.ts";
import type { AndroidManifest } from "./android-manifest.ts";

/** What people should know before they give the app to users. `where` is the manifest's path. */
export function manifestFindings(manifest: AndroidManifest, where: string): Finding[] {
  const findings: Finding[] = [];
  if (manifest.isDebuggable) {
    const message = "The app is debuggable: whoever has the device at hand reads and changes what it keeps.";
    findings.push(finding("validation.debuggable", message, undefined, where));
  }
  if (manifest.isTestOnly) {
    const message =
      "The app is for tests only: devices install it from a developer's computer, not from a download.";
    findings.push(finding("validation.test_only", message, undefined, where));
  }
  return findings;
}
