import { describe, expect, it } from "vitest";

import type { DevicePlatform } from "./detect-platform.ts";
import type { InstallFacts } from "./install-model.ts";
import { installModel } from "./install-model.ts";
import { installPage } from "./install-page.tsx";
import { sampleApp, sampleArtifact, sampleRelease } from "./testing/samples.ts";

const ipa = sampleArtifact({ id: "art_ipa", platform: "ios", format: "ipa", filename: "Acme.ipa" });
const plist = "https://dist.example.org/install/acme/stable/manifest.plist";

function page(facts: Partial<InstallFacts> = {}): string {
  return installPage(
    installModel({
      app: sampleApp(),
      place: { baseUrl: "https://dist.example.org", app: "acme", channel: "stable" },
      release: sampleRelease(),
      notes: null,
      device: { platform: null, version: null },
      mayReadIpa: false,
      manifestUrl: null,
      ...facts,
    }),
  );
}

const on = (platform: DevicePlatform) => ({ platform, version: null });

/** The platforms in the order of their sections. */
const order = (html: string) => [...html.matchAll(/<section id="(\w+)"/g)].map(([, id]) => id);

describe("an artifact", () => {
  const html = page();

  it("shows size, version, arch and digest, and links to exactly its bytes", () => {
    expect(html).toContain("69.4 MB");
    expect(html).toContain("4.2.1 (1042), ");
    expect(html).toContain("universal, dmg");
    expect(html).toContain(`title="sha256 ${sampleArtifact().sha256}">3689d4f85ee7</code>`);
    expect(html).toContain(
      `href="https://dist.example.org/download/${sampleArtifact().sha256}?artifact=art_1&amp;channel=stable"`,
    );
  });

  it("has a line for a terminal that stays right after the next release", () => {
    expect(html).toContain("curl -fLOJ https://dist.example.org/download/acme/stable/macos</code>");
  });

  it("is named by arch and format where the platform has several", () => {
    const artifacts = [sampleArtifact(), sampleArtifact({ id: "art_2", format: "pkg", arch: "arm64" })];
    const several = page({ release: sampleRelease({ artifacts }) });
    expect(several).toContain("/download/acme/stable/macos/universal/dmg</code>");
    expect(several).toContain("/download/acme/stable/macos/arm64/pkg</code>");
  });

  it("of a private app is fetched with a token", () => {
    const html2 = page({ app: sampleApp({ visibility: "private" }) });
    expect(html2).toContain("-H &quot;Authorization: Bearer $DIST_TOKEN&quot; https://");
    expect(html2).toContain("Private:");
  });
});

describe("what is inside a file", () => {
  const identity = {
    id: "org.acme",
    version: "4.2.1",
    build: "1042",
    label: "Acme",
    signers: [{ kind: "apple_team", id: "T", name: "<Acme>", lineage: [], verified: true, expires_at: null }],
  };
  const inspection = { min_os: "macOS 13", permissions: ["NSCameraUsageDescription", "other"], identity };
  const findings = [{ code: "validation.x", severity: "warning", message: "It ends <soon>." }] as const;
  const icon = "9a7fd37a575d5cd355505c84b95248219e5de5a21a496cec8d742407f2b80a1d";
  const artifact = sampleArtifact({ metadata: { inspection }, findings, icon_sha256: icon });
  const html = page({ release: sampleRelease({ artifacts: [artifact] }) });

  it("is said beside it: what it needs, who signed it, what it may ask for and what will go wrong", () => {
    expect(html).toContain("Needs macOS 13. <bdi>Signed by &lt;Acme&gt;.</bdi>");
    expect(html).toContain("May ask for camera; declares 1 other.");
    expect(html).toContain('<p class="warn"><bdi>It ends &lt;soon&gt;.</bdi></p>');
  });

  it("brings its icon to the head of the page", () => {
    expect(html).toContain(`<img class="icon" src="https://dist.example.org/download/${icon}" alt=""`);
    expect(page()).not.toContain("<img");
  });
});

describe("the visitor's device", () => {
  const release = sampleRelease({
    artifacts: (["ios", "android_apk", "android_aab", "macos", "linux", "windows"] as const).map((platform) =>
      sampleArtifact({
        platform,
        format: platform === "ios" ? "ipa" : platform === "android_aab" ? "aab" : "zip",
      }),
    ),
  });

  it("comes first and is marked, once", () => {
    const html = page({ release, device: on("linux") });
    expect(order(html)).toEqual(["linux", "ios", "android_apk", "android_aab", "macos", "windows"]);
    expect(html.match(/This device/g)).toHaveLength(1);
  });

  it("unknown, leaves the usual order and marks nothing", () => {
    const html = page({ release });
    expect(order(html)).toEqual(["ios", "android_apk", "android_aab", "macos", "linux", "windows"]);
    expect(html).not.toContain("This device");
  });

  it("that the release has nothing for is told so", () => {
    expect(page({ device: on("windows") })).toContain("4.2.1 has no file for it.");
  });

  it("that says it is a Mac may be an iPad, which matters only where there is something for one", () => {
    expect(page({ release, device: on("macos") })).toContain("An iPad can present itself as a Mac");
    expect(page({ device: on("macos") })).not.toContain("iPad");
  });

  it("meets the file most devices take first", () => {
    const arches = (["arm64", "armv7", "x86_64"] as const).map((arch) =>
      sampleArtifact({ platform: "linux", format: "deb", arch }),
    );
    const html = page({ release: sampleRelease({ artifacts: arches }), device: on("linux") });
    expect([...html.matchAll(/linux\/(\w+)\/deb/g)].map(([, arch]) => arch)).toEqual([
      "x86_64",
      "arm64",
      "armv7",
    ]);
    expect(html.match(/class="btn go"/g)).toHaveLength(1);
  });
});

describe("an App Bundle", () => {
  it("is downloadable and called not installable", () => {
    const aab = sampleArtifact({ platform: "android_aab", format: "aab", filename: "acme.aab" });
    const html = page({ release: sampleRelease({ artifacts: [aab] }), device: on("android_apk") });
    expect(html).toContain("Not installable from a page");
    expect(html).toContain("Download aab");
    expect(html).not.toContain('class="btn go"');
  });
});

// An iPhone user must never be led to tap what iOS refuses.
describe("iOS", () => {
  const release = sampleRelease({ artifacts: [ipa] });
  const testflightUrl = "https://testflight.apple.com/join/AbC";

  it("artifact_only: not installable, and why; the file only with credentials", () => {
    const html = page({ release, device: on("ios") });
    expect(html).toContain("iOS mode: File only");
    expect(html).toContain("Not installable from this page.");
    expect(html).toContain("iOS does not install IPA files from web pages");
    expect(html).toContain("needs sign-in or a token");
    expect(html).toContain("Authorization: Bearer $DIST_TOKEN");
    expect(html).not.toMatch(/class="btn|itms-services/);
    const signedIn = page({ release, device: on("ios"), mayReadIpa: true });
    expect(signedIn).toContain("?artifact=art_ipa");
    expect(signedIn).not.toMatch(/class="btn go"|needs sign-in/);
  });

  it("testflight: Apple's flow, with an IPA, without one, and without a release", () => {
    const app = sampleApp({ ios_mode: "testflight", testflight_url: testflightUrl });
    for (const current of [release, sampleRelease(), null]) {
      const html = page({ app, release: current, device: on("ios") });
      expect(html).toContain("iOS mode: TestFlight");
      expect(html).toContain(`href="${testflightUrl}"`);
      expect(html).toContain("Apple installs it, not this page");
      expect(html).not.toContain("itms-services");
      expect(html).not.toContain("has no file for it");
    }
  });

  it("enterprise: a button where everything is there, with who it works for", () => {
    const app = sampleApp({
      ios_mode: "enterprise",
      bundle_ids: { ios: "org.acme" },
      owner: "Northlight AS",
    });
    const html = page({ app, release, device: on("ios"), manifestUrl: plist });
    expect(html).toContain(
      `href="itms-services://?action=download-manifest&amp;url=${encodeURIComponent(plist)}"`,
    );
    expect(html).toContain(
      "Works only on devices that <bdi>Northlight AS</bdi> manages (MDM), or after trusting",
    );
  });

  it("enterprise: no button without HTTPS, but plain words", () => {
    const app = sampleApp({ ios_mode: "enterprise", bundle_ids: { ios: "org.acme" } });
    const html = page({ app, release, manifestUrl: plist.replace("https", "http") });
    expect(html).toContain("iOS installs from HTTPS addresses only");
    expect(html).toContain("Works only on devices that <bdi>the organisation that signs it</bdi> manages");
    expect(html).not.toMatch(/class="btn go"|itms-services/);
  });
});

describe("a channel without a release", () => {
  it("says so, and how to fill it", () => {
    const html = page({ release: null, device: on("linux") });
    expect(html).toContain("The channel stable points at no release.");
    expect(html).toContain("dist release promote VERSION --app acme --channel stable");
    expect(html).not.toContain("/download/");
    expect(html).not.toContain("has no file for it");
  });
});

// Everything a publisher writes is text, whatever it looks like.
describe("hostile text", () => {
  const hostile = `"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;`;
  const html = page({
    app: sampleApp({
      display_name: hostile,
      owner: hostile,
      ios_mode: "testflight",
      testflight_url: `https://testflight.apple.com/join/${hostile}`,
    }),
    release: sampleRelease({
      version: hostile,
      build: hostile,
      artifacts: [sampleArtifact({ filename: hostile }), ipa],
    }),
    notes: `</p></main>${hostile}`,
    device: on("windows"),
  });

  it("never becomes markup", () => {
    expect(html).not.toMatch(/<script|<img/);
    expect(html.match(/<\/main>/g)).toHaveLength(1);
    // What is left of a tag without its quoted values are the names of its attributes.
    const names = html.replaceAll(/"[^"]*"/g, "").match(/<[^>]*>/g) ?? [];
    expect(names.length).toBeGreaterThan(50);
    expect(names.filter((tag) => tag.includes("onerror"))).toEqual([]);
  });

  it("is shown as it was written", () => {
    const escaped = "&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;";
    expect(html.split(escaped).length).toBeGreaterThan(6);
    expect(html).toContain("&amp;amp;");
    expect(html).toContain(`&lt;/p&gt;&lt;/main&gt;${escaped}`);
  });

  it("cannot turn a file's name around", () => {
    const spoof = sampleArtifact({ filename: "photo\u202Egpj.exe" });
    expect(page({ release: sampleRelease({ artifacts: [spoof] }) })).not.toContain("\u202E");
  });
});

describe("the page's QR code", () => {
  it("holds the address of the page", () => {
    expect(page()).toContain('aria-label="QR code of https://dist.example.org/install/acme/stable"');
  });
});

describe("what the content security policy forbids", () => {
  it("is not there: no script, no inline style, no form", () => {
    expect(page({ device: on("macos") })).not.toMatch(/<script|<style|\sstyle=|<form|\son\w+=/);
  });
});
