import { exampleIpa } from "../../scripts/example.ts";
import { appImageFile, debFile, dmgFile, peFile, zipFile } from "../../src/inspect/inspect-fixtures.ts";
import type { ArtifactRequest } from "../../src/registry/records/releases.ts";
import { mountPages } from "../../src/server/pages/mount-pages.ts";
import { mountTransfer } from "../../src/server/transfer/mount-transfer.ts";
import { startTestServer, type TestServer } from "../server/process-server.ts";
import { sourceOf, type TestStore } from "../support/test-store.ts";

const X86_64 = 0x8664;
const ELF_X86_64 = 62;

const notes = `- Fixed: the first start after the update could end in an empty window.
- Exports keep the time zone of the place where a note was taken.`;

/** Text that would run, or turn what follows it, if a page did not take care. */
export const hostileText = `\u202e"'><script>document.title="run"</script><img src=x onerror=alert(1)>`;

/**
 * A server with pages of every kind: `fieldnote` has files for all platforms and every iOS mode as its own app
 * (`fieldnote`, `fieldnote-testflight`, `fieldnote-enterprise`), `hostile` has hostile texts, `long` names without a gap.
 */
export async function startSite(publicUrl: string | null = null): Promise<TestServer> {
  const site = await startTestServer([mountTransfer, mountPages], { publicUrl });
  const everywhere = await filesForAll(site);
  const modes = {
    fieldnote: {},
    "fieldnote-testflight": {
      ios_mode: "testflight",
      testflight_url: "https://testflight.apple.com/join/a1B2c3D4",
    },
    "fieldnote-enterprise": { ios_mode: "enterprise", bundle_ids: { ios: "org.example.apidemos" } },
  };
  for (const [app, settings] of Object.entries(modes)) {
    await site.registry.createApp(app, {
      display_name: "Fieldnote",
      owner: "Northlight AS",
      visibility: "public",
      ...settings,
    });
    const head = { app, version: "4.2.1", build: "1042", channel: "stable", notes };
    await site.registry.publish({ ...head, artifacts: everywhere });
  }
  await site.registry.setChannel("fieldnote", "empty", {});

  await site.registry.createApp("hostile", {
    display_name: `H${hostileText}`,
    owner: `O${hostileText}`,
    visibility: "public",
  });
  const [deb] = everywhere.filter(({ platform }) => platform === "linux");
  const named = (filename: string) => [{ ...deb!, filename }];
  await site.registry.publish({
    app: "hostile",
    version: "1.0.0",
    channel: "beta",
    notes: hostileText,
    artifacts: named(`F${hostileText.replaceAll("/", "")}.deb`),
  });
  await site.registry.createApp("long", { display_name: "W".repeat(100), visibility: "public" });
  await site.registry.publish({
    app: "long",
    version: `1.${"9".repeat(62)}`,
    build: "8".repeat(64),
    channel: "c".repeat(63),
    notes: "n".repeat(2_000),
    artifacts: named(`${"f".repeat(251)}.deb`),
  });
  return site;
}

/** One file or two for every platform, uploaded. */
async function filesForAll({ registry }: TestStore): Promise<ArtifactRequest[]> {
  const files: readonly (readonly [ArtifactRequest["platform"], string, Uint8Array])[] = [
    ["ios", "Fieldnote.ipa", exampleIpa()],
    ["android_apk", "fieldnote.apk", zipFile()],
    ["android_aab", "fieldnote.aab", Buffer.concat([zipFile(), Buffer.from("bundle")])],
    ["macos", "Fieldnote.dmg", dmgFile()],
    ["linux", "fieldnote_4.2.1_amd64.deb", debFile("amd64")],
    ["linux", "Fieldnote-4.2.1.AppImage", appImageFile({ machine: ELF_X86_64 })],
    ["windows", "Fieldnote.exe", peFile(X86_64)],
  ];
  const artifacts: ArtifactRequest[] = [];
  for (const [platform, filename, bytes] of files) {
    const { sha256 } = await registry.uploadObject(sourceOf(bytes));
    artifacts.push({ platform, filename, sha256 });
  }
  return artifacts;
}
