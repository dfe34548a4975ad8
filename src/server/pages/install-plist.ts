import type { InstallManifest } from "../../registry/records/links.ts";
import { signedDownloadUrl } from "../signed-address.ts";
import type { ChannelPlace } from "./links.ts";

/**
 * `manifest.plist` as iOS reads it (Apple Platform Deployment, "Distribute proprietary in-house apps"). The address of the
 * IPA is https whatever the server's own is: iOS installs from nothing else.
 */
export function installPlist(
  manifest: InstallManifest,
  { baseUrl, channel }: Pick<ChannelPlace, "baseUrl" | "channel">,
): string {
  const signed = signedDownloadUrl(baseUrl.replace(/^http:/, "https:"), manifest.ipa);
  const url = `${signed}&channel=${channel}`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>items</key>
  <array>
    <dict>
      <key>assets</key>
      <array>
        <dict>
          <key>kind</key>
          <string>software-package</string>
          <key>url</key>
          <string>${xmlText(url)}</string>
        </dict>
      </array>
      <key>metadata</key>
      <dict>
        <key>bundle-identifier</key>
        <string>${xmlText(manifest.bundle_id)}</string>
        <key>bundle-version</key>
        <string>${xmlText(manifest.bundle_version)}</string>
        <key>kind</key>
        <string>software</string>
        <key>title</key>
        <string>${xmlText(manifest.title)}</string>
      </dict>
    </dict>
  </array>
</dict>
</plist>
`;
}

/** What is none of XML 1.0's characters (section 2.2), and which no escape can bring in: a name with one is still shown. */
const NO_XML_CHARACTER = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** Text as the content of an element. */
function xmlText(text: string): string {
  return text
    .replaceAll(NO_XML_CHARACTER, "\uFFFD")
    .replaceAll(/[&<>]/g, (character) => entities[character]!);
}
