import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";

import { tarGzBytes } from "../support/test-store.ts";
import { dist, distHere, type ProgramRun } from "./program.ts";

/** A release that can be published: its manifest, and what must be there once it is. */
export interface Pack {
  readonly manifest: string;
  readonly version: string;
  /** In hex, sorted. */
  readonly digests: readonly string[];
}

/** Writes a `dist.json` with one Linux tar.gz of each architecture named, a few bytes each or `sizeBytes` long. */
export async function makePack(
  directory: string,
  version: string,
  arches: readonly string[] = ["x86_64"],
  sizeBytes = 0,
): Promise<Pack> {
  await mkdir(directory, { recursive: true });
  const artifacts = [];
  const digests = [];
  for (const arch of arches) {
    const bytes = tarGzBytes(`${version} for ${arch}`.padEnd(sizeBytes));
    const path = `acme-${version}-${arch}.tar.gz`;
    await writeFile(join(directory, path), bytes);
    artifacts.push({ platform: "linux", arch, path });
    digests.push(createHash("sha256").update(bytes).digest("hex"));
  }
  const manifest = join(directory, `${version}.json`);
  await writeFile(manifest, JSON.stringify({ app: "acme", version, channel: "beta", artifacts }));
  return { manifest, version, digests: digests.toSorted() };
}

export function publishArgs(store: string, pack: Pack): string[] {
  return ["ci", "publish", "--local-store", store, "--manifest", pack.manifest, "--json"];
}

/** Publishes; that must succeed. */
export async function publish(store: string, pack: Pack): Promise<void> {
  const run = await dist(publishArgs(store, pack));
  expect(run.stderr + run.stdout).toContain('"published"');
}

/** `store verify` finds nothing wrong; answers what cleanup would take. */
export async function expectSound(store: string): Promise<{ id: string; kind: string }[]> {
  const verified = await distHere(["store", "verify", "--local-store", store, "--json"]);
  expect(verified.json).toMatchObject({ ok: true, problems: [] });
  expect(verified.code).toBe(0);
  return verified.json.collectable;
}

/** True when the release is there, and then whole: every artifact, every byte. Anything but that or "not found" fails. */
export async function isPublished(store: string, pack: Pack): Promise<boolean> {
  const args = ["release", "show", pack.version, "--app", "acme", "--local-store", store, "--json"];
  const shown = await distHere(args);
  if (shown.code !== 0) {
    const code: string = shown.json.error.code;
    expect(["release.not_found", "app.not_found"]).toContain(code);
    return false;
  }
  expect(shown.json.status).toBe("published");
  const digests: string[] = shown.json.artifacts.map(({ sha256 }: { sha256: string }) => sha256);
  expect(digests.toSorted()).toEqual(pack.digests);
  for (const sha256 of [...digests, shown.json.manifest_sha256]) {
    const bytes = await readFile(join(store, "objects", sha256.slice(0, 2), sha256));
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256);
  }
  return true;
}

/** The version that beta points at; null when there is no such channel. */
export async function currentVersion(store: string): Promise<string | null> {
  const args = ["channel", "show", "--app", "acme", "--channel", "beta", "--local-store", store, "--json"];
  const shown = await distHere(args);
  if (shown.code === 0) return shown.json.current_version;
  expect(["app.not_found", "channel.not_found"]).toContain(shown.json.error.code);
  return null;
}

/**
 * The promise of a publish that was stopped: the store is sound, the release is whole or absent, the channel agrees, an
 * answer was true, and the same command again succeeds.
 */
export async function expectAllOrNothing(
  store: string,
  pack: Pack,
  before: string | null,
  run: ProgramRun,
): Promise<void> {
  const acknowledged = run.stdout.includes('"published"');
  let published = false;
  if (existsSync(join(store, "dist.db"))) {
    await expectSound(store);
    published = await isPublished(store, pack);
    expect(await currentVersion(store)).toBe(published ? pack.version : before);
  }
  if (acknowledged) expect(published).toBe(true);
  const again = await distHere([...publishArgs(store, pack), "--if-exists", "skip"]);
  expect(again.json.status).toBe(published ? "unchanged" : "published");
  expect(again.code).toBe(0);
  await expectSound(store);
  expect(await isPublished(store, pack)).toBe(true);
  expect(await currentVersion(store)).toBe(pack.version);
}

/** Exactly one JSON value on standard output, an error with this code, and this exit code. */
export function expectError(run: ProgramRun, code: string, exit: number): void {
  expect(run.json, run.stdout).toMatchObject({ error: { code } });
  expect(Object.keys(run.json)).toEqual(["error"]);
  expect(run.code).toBe(exit);
}
