import type { TestStore } from "../support/test-store.ts";
import { sourceOf, tarArtifact, tarGzBytes } from "../support/test-store.ts";
import { demosApk } from "../support/acme-apk.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Text that would run, or turn what follows it, if a page did not take care. */
export const hostile = `\u202e"'><script>document.title="run"</script><svg onload=alert(1)><img src=x onerror=alert(1)>`;

/**
 * A store with something on every page: `fieldnote` with four channels and releases in all states, `tools` with hostile texts, an
 * app without releases, packages of several kinds, tokens. The clock goes on while it is filled.
 */
export async function fillConsoleStore({
  registry,
  clock,
}: Pick<TestStore, "registry" | "clock">): Promise<void> {
  const publish = async (app: string, version: string, channel: string, more: object = {}) => {
    const { sha256 } = await registry.uploadObject(sourceOf(tarGzBytes(`${app} ${version}`)));
    const artifacts = [tarArtifact(sha256, { filename: `${app}-${version}.tar.gz` })];
    await registry.publish({ app, version, channel, artifacts, ...more });
    clock.advance(5 * HOUR_MS);
  };
  await registry.createApp("fieldnote", {
    display_name: "Fieldnote",
    owner: "Field tools",
    visibility: "public",
  });
  await registry.setChannel("fieldnote", "nightly", { policy: { promote: "auto" } });
  await registry.setChannel("fieldnote", "internal", {
    policy: { promote: "auto", require_validation: true },
  });
  await registry.setChannel("fieldnote", "beta", {
    policy: { promote: "manual", from: "internal", min_time_seconds: 3600 },
  });
  await registry.setChannel("fieldnote", "stable", {
    policy: { promote: "manual", from: "beta", min_time_seconds: 3 * 24 * 3600 },
  });
  await publish("fieldnote", "4.1.3", "internal", { build: "2061" });
  await registry.promote("fieldnote", "beta", { release: "4.1.3", reason: "tested by two teams" });
  clock.advance(4 * DAY_MS);
  await registry.promote("fieldnote", "stable", { release: "4.1.3", reason: "four days on beta" });
  await publish("fieldnote", "4.2.0", "internal", { build: "2102" });
  await publish("fieldnote", "4.2.1", "internal", { build: "2114" });
  await registry.promote("fieldnote", "beta", { release: "4.2.1", reason: "fixes the export" });
  clock.advance(4 * DAY_MS);
  await registry.promote("fieldnote", "stable", {
    release: "4.2.1",
    reason: "no blocker open",
    rollout_percent: 25,
  });
  await registry.revokeRelease("fieldnote", { release: "4.2.0" }, { reason: "loses notes" });
  await publish("fieldnote", "4.3.0", "internal", {
    build: "2187",
    notes: "- Exports keep the time zone.\n- Starts twice as fast.",
  });
  await registry.promote("fieldnote", "beta", { release: "4.3.0", reason: "for the pilot customers" });
  clock.advance(DAY_MS);
  await publish("fieldnote", "4.4.0-nightly.1120", "nightly", { build: "2199" });

  const demos = await registry.uploadObject(sourceOf(await demosApk()));
  await registry.publish({
    app: "demos",
    display_name: "API Demos",
    version: "5.0.0",
    build: "25",
    channel: "stable",
    artifacts: [{ platform: "android_apk", filename: "ApiDemos.apk", sha256: demos.sha256 }],
  });

  await registry.createApp("hostile", { display_name: `H${hostile}`, owner: hostile });
  await publish("hostile", "1.0.0", "beta", { notes: hostile });
  await registry.createApp("empty", { display_name: "Nothing yet" });

  for (const [name, scopes] of [
    ["ci-fieldnote", ["publish"]],
    ["release-manager", ["publish", "promote", "package.write", "retention", "audit"]],
    ["viewer", ["read", "package.read", "audit"]],
  ] as const) {
    await registry.createToken({ name, scopes, expires_in: "30d" });
  }

  for (let n = 0; n < 3; n += 1) {
    const created = await registry.createPackage({
      kind: "guide-board-run",
      producer: "guide-board 2.1",
      subject: `nemaki 3.0.${n}`,
      retention_class: n === 2 ? "transient" : "raw-evidence",
      metadata: { outcome: n === 1 ? "failed" : "passed", note: hostile },
    });
    for (const path of ["report.json", "logs/run.txt", `logs/${"x".repeat(80)}.txt`]) {
      const { sha256 } = await registry.uploadObject(sourceOf(Buffer.from(`${n} ${path}`)));
      await registry.addPackageFiles(created.id, [{ path, sha256 }]);
    }
    await registry.finalizePackage(created.id);
    if (n === 0)
      await registry.holdPackage(created.id, { reason: "dispute of the finding", case: "NL-2231" });
    clock.advance(HOUR_MS);
  }
}
