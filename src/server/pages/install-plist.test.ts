import { describe, expect, it } from "vitest";

import { installPlist } from "./install-plist.ts";

const manifest = {
  bundle_id: "org.example.acme",
  bundle_version: "1042",
  title: "Acme",
  ipa: {
    sha256: "ab".repeat(32),
    artifact_id: "art_1",
    expires_at: "2026-11-20T16:00:00.000Z",
    signature: "cd".repeat(32),
    url: null,
  },
} as const;

describe("installPlist", () => {
  it("names the IPA by a signed address, https whatever the server's own is", () => {
    const url =
      `<string>https://dist.example.org:8443/download/${manifest.ipa.sha256}` +
      `?artifact=art_1&amp;expires=1795190400&amp;signature=${manifest.ipa.signature}&amp;channel=beta</string>`;
    for (const scheme of ["http", "https"]) {
      expect(
        installPlist(manifest, { baseUrl: `${scheme}://dist.example.org:8443`, channel: "beta" }),
      ).toContain(url);
    }
  });

  // A name that became markup could name another package; one with U+FFFE would make the whole file unreadable.
  it("carries any name as text", () => {
    const title = "</string><key>&amp;\uFFFE\u{1F600}";
    expect(
      installPlist({ ...manifest, title }, { baseUrl: "https://dist.example.org", channel: "beta" }),
    ).toContain("<string>&lt;/string&gt;&lt;key&gt;&amp;amp;\uFFFD\u{1F600}</string>");
  });
});
