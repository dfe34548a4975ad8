import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type Scope, scopes } from "../../src/registry/records/tokens.ts";
import { type Registry } from "../../src/registry/registry.ts";
import {
  openTestStore,
  outcomeOf,
  publishTar,
  sourceOf,
  tarArtifact,
  tarGzBytes,
  type TestStore,
} from "../support/test-store.ts";

/** What a limit to another app and one to another channel make of an act by the right scope. */
type Limits = readonly [app: string, channel: string];
const wrongPlace: Limits = ["auth.wrong_app", "auth.wrong_channel"];
const wrongApp: Limits = ["auth.wrong_app", "ok"];
const anywhere: Limits = ["ok", "ok"];

interface UseCase {
  readonly name: string;
  /** The scopes that carry it; `admin` carries everything. */
  readonly scopes: readonly Scope[];
  readonly limits: Limits;
  /** Acts on the app `acme`; `n` makes a name fresh. */
  readonly call: (registry: Registry, n: number) => Promise<unknown>;
  /** What somebody gets who may; `ok` when absent. */
  readonly allowed?: string;
}

let test: TestStore;
let digest: string;
let artifact: string;
let draft: string;
let evidence: string;
let openPackage: string;
let counter = 0;

beforeAll(async () => {
  test = await openTestStore();
  const first = await publishTar(test.registry, { version: "1", channel: "beta" });
  digest = first.artifacts[0]!.sha256;
  artifact = first.artifacts[0]!.id;
  for (const version of ["2", "3", "4"]) await publishTar(test.registry, { version, channel: "nightly" });
  await publishTar(test.registry, { version: "revoked", channel: "beta" });
  await test.registry.revokeRelease("acme", { release: "revoked" });
  draft = (await test.registry.draftRelease({ app: "acme", version: "draft", channel: "beta" })).id;
  await test.registry.attachArtifact("acme", { release: draft }, tarArtifact(digest));
  openPackage = (await test.registry.createPackage({ kind: "run" })).id;
  evidence = (await test.registry.createPackage({ kind: "run" })).id;
  await test.registry.addPackageFiles(evidence, [{ path: "a", sha256: digest }]);
  await test.registry.finalizePackage(evidence);
});
afterAll(() => test.close());

const reading = ["read", "publish", "promote"] as const;
const everybody = [...scopes];
/** An upload that nobody began: who may upload is told so, others are told that they may not. */
const noUpload = "upl_00000000000000000000000000";
const head = (version: string) => ({ app: "acme", version, channel: "beta" });
async function* noLines(): AsyncGenerator<string> {}
async function exported(registry: Registry): Promise<void> {
  for await (const _ of registry.exportStore());
}

const useCases: readonly UseCase[] = [
  { name: "createApp", scopes: [], limits: wrongPlace, call: (r, n) => r.createApp(`app-${n}`, {}) },
  {
    name: "updateApp",
    scopes: [],
    limits: wrongPlace,
    call: (r, n) => r.updateApp("acme", { owner: `${n}` }),
  },
  {
    name: "uploadObject",
    scopes: ["publish", "package.write"],
    limits: anywhere,
    call: (r) => r.uploadObject(sourceOf(tarGzBytes("1"))),
  },
  {
    name: "uploadObjects",
    scopes: ["publish", "package.write"],
    limits: anywhere,
    call: (r) => r.uploadObjects([sourceOf(tarGzBytes("1"))]),
  },
  {
    name: "createUpload",
    scopes: ["publish", "package.write"],
    limits: anywhere,
    call: (r) => r.createUpload({ size_bytes: 1 }),
  },
  {
    name: "getUpload",
    scopes: ["publish", "package.write"],
    limits: ["upload.not_found", "upload.not_found"],
    allowed: "upload.not_found",
    call: (r) => r.getUpload(noUpload),
  },
  {
    name: "appendUpload",
    scopes: ["publish", "package.write"],
    limits: ["upload.not_found", "upload.not_found"],
    allowed: "upload.not_found",
    call: (r) => r.appendUpload(noUpload, { offset: 0, open: sourceOf(Buffer.from("1")).open }),
  },
  {
    name: "endUpload",
    scopes: ["publish", "package.write"],
    limits: ["upload.not_found", "upload.not_found"],
    allowed: "upload.not_found",
    call: (r) => r.endUpload(noUpload),
  },
  {
    name: "lookupObject",
    scopes: ["publish", "package.write"],
    limits: anywhere,
    call: (r) => r.lookupObject(digest),
  },
  {
    name: "leaseObject",
    scopes: ["publish", "package.write"],
    limits: anywhere,
    call: (r) => r.leaseObject(digest),
  },
  {
    name: "signDownload",
    scopes: reading,
    limits: wrongApp,
    call: (r) => r.signDownload("acme", { release: "1" }, artifact),
  },
  {
    name: "checkPublish",
    scopes: ["publish"],
    limits: wrongPlace,
    call: (r, n) => r.checkPublish({ ...head(`c${n}`), artifacts: [{ platform: "linux" }] }),
  },
  {
    name: "publish",
    scopes: ["publish"],
    limits: wrongPlace,
    call: (r, n) => r.publish({ ...head(`p${n}`), channel: "ci", artifacts: [tarArtifact(digest)] }),
  },
  {
    name: "draftRelease",
    scopes: ["publish"],
    limits: wrongPlace,
    call: (r, n) => r.draftRelease(head(`d${n}`)),
  },
  {
    name: "attachArtifact",
    scopes: ["publish"],
    limits: wrongPlace,
    call: (r) => r.attachArtifact("acme", { release: draft }, tarArtifact(digest)),
  },
  {
    name: "publishDraft",
    scopes: ["publish"],
    limits: wrongPlace,
    call: (r) => r.publishDraft("acme", { release: "1" }),
  },
  {
    name: "revokeRelease",
    scopes: ["promote"],
    limits: wrongPlace,
    call: (r) => r.revokeRelease("acme", { release: "revoked" }),
  },
  {
    name: "setChannel",
    scopes: ["promote"],
    limits: wrongPlace,
    call: (r) => r.setChannel("acme", "beta", {}),
  },
  {
    name: "promote",
    scopes: ["promote"],
    limits: wrongPlace,
    call: (r) => r.promote("acme", "beta", { release: "1" }),
  },
  {
    name: "checkPromotion",
    scopes: reading,
    limits: wrongApp,
    call: (r) => r.checkPromotion("acme", "beta", { release: "1" }),
  },
  { name: "rollback", scopes: ["promote"], limits: wrongPlace, call: (r) => r.rollback("acme", "nightly") },
  {
    name: "channelHistory",
    scopes: reading,
    limits: wrongApp,
    call: (r) => r.channelHistory("acme", "beta"),
  },
  {
    name: "createShare",
    scopes: ["promote"],
    limits: wrongPlace,
    call: (r) => r.createShare("acme", { channel: "beta" }),
  },
  {
    name: "listShares",
    scopes: ["promote"],
    limits: wrongApp,
    call: (r) => r.listShares("acme"),
  },
  {
    name: "revokeShare",
    scopes: ["promote"],
    limits: wrongPlace,
    call: async (r) =>
      r.revokeShare("acme", (await test.registry.createShare("acme", { channel: "beta" })).id),
  },
  {
    name: "createToken",
    scopes: ["token"],
    limits: wrongPlace,
    call: (r, n) => r.createToken({ name: `n${n}`, scopes: ["token"], app: "acme", channel: "beta" }),
  },
  { name: "listTokens", scopes: ["token"], limits: anywhere, call: (r) => r.listTokens() },
  {
    name: "revokeToken",
    scopes: ["token"],
    // Another app's tokens are not there for it.
    limits: ["token.not_found", "auth.wrong_channel"],
    call: async (r, n) => {
      const request = { name: `r${n}`, scopes: ["read"], app: "acme", channel: "beta" };
      return r.revokeToken((await test.registry.createToken(request)).id);
    },
  },
  { name: "listSessions", scopes: [...scopes], limits: anywhere, call: (r) => r.listSessions() },
  {
    name: "endSession",
    scopes: [...scopes],
    limits: ["session.not_found", "session.not_found"],
    call: (r) => r.endSession("ses_none"),
    allowed: "session.not_found",
  },
  { name: "listAudit", scopes: ["audit"], limits: wrongApp, call: (r) => r.listAudit({ app: "acme" }) },
  { name: "readEvents", scopes: ["audit"], limits: anywhere, call: (r) => r.readEvents({ after: 0 }) },
  {
    name: "appStatistics",
    scopes: reading,
    limits: wrongApp,
    call: (r) => r.appStatistics("acme"),
  },
  { name: "storeStatistics", scopes: ["audit"], limits: wrongPlace, call: (r) => r.storeStatistics() },
  { name: "storeDecisions", scopes: [...scopes], limits: anywhere, call: (r) => r.storeDecisions() },
  { name: "search", scopes: [...scopes], limits: anywhere, call: (r) => r.search("1.0") },
  { name: "storageUsage", scopes: [], limits: wrongPlace, call: (r) => r.storageUsage() },
  ...packageUseCases(),
  { name: "storeStatus", scopes: [], limits: wrongPlace, call: (r) => r.storeStatus() },
  { name: "verifyStore", scopes: [], limits: wrongPlace, call: (r) => r.verifyStore() },
  { name: "rebuildStore", scopes: [], limits: wrongPlace, call: (r) => r.rebuildStore() },
  { name: "cleanupStore", scopes: [], limits: wrongPlace, call: (r) => r.cleanupStore() },
  { name: "exportStore", scopes: [], limits: wrongPlace, call: exported },
  {
    name: "importStore",
    scopes: [],
    limits: wrongPlace,
    call: (r) => r.importStore(noLines()),
    allowed: "store.not_empty",
  },
];

/** What everybody may do with an unlisted app. */
const openCalls: readonly Pick<UseCase, "name" | "call">[] = [
  { name: "getApp", call: (r) => r.getApp("acme") },
  { name: "listApps", call: (r) => r.listApps() },
  { name: "getRelease", call: (r) => r.getRelease("acme", { release: "1" }) },
  {
    name: "compareReleases",
    call: (r) => r.compareReleases("acme", { release: "1" }, { release: "1" }),
  },
  { name: "listReleases", call: (r) => r.listReleases("acme") },
  { name: "listChannels", call: (r) => r.listChannels("acme") },
  { name: "getChannel", call: (r) => r.getChannel("acme", "beta") },
  { name: "currentArtifact", call: (r) => r.currentArtifact("acme", "beta", { platform: "linux" }) },
  {
    name: "openObject",
    call: async (r) => {
      await r.openObject(digest);
    },
  },
];
const open: readonly UseCase[] = openCalls.map((useCase) => ({
  ...useCase,
  scopes: everybody,
  limits: anywhere,
}));

/** Evidence belongs to no app: nobody who is limited to one knows of it. */
function packageUseCases(): readonly UseCase[] {
  const read = (
    name: string,
    call: UseCase["call"],
    limits: Limits = ["package.not_found", "ok"],
  ): UseCase => ({
    name,
    scopes: ["package.read", "package.write", "retention"],
    limits,
    call,
  });
  const write = (name: string, call: UseCase["call"], allowed = "ok"): UseCase => ({
    name,
    scopes: ["package.write"],
    limits: wrongPlace,
    allowed,
    call,
  });
  const keep = (name: string, call: UseCase["call"], allowed = "ok"): UseCase => ({
    name,
    scopes: ["retention"],
    limits: ["package.not_found", "auth.wrong_channel"],
    allowed,
    call,
  });
  const reason = "Why.";
  return [
    read("getPackage", (r) => r.getPackage(evidence)),
    read("listPackages", (r) => r.listPackages(), anywhere),
    read("listPackageFiles", (r) => r.listPackageFiles(evidence)),
    read("openPackageFile", (r) => r.openPackageFile(evidence, "a")),
    read("openPackageArchive", async (r) => (await r.openPackageArchive(evidence, "tar")).stream.destroy()),
    read("packageManifest", (r) => r.packageManifest(evidence)),
    read("verifyPackage", (r) => r.verifyPackage(evidence)),
    read("retentionClasses", (r) => r.retentionClasses(), anywhere),
    read("getRetention", (r) => r.getRetention(evidence)),
    read("retentionHistory", (r) => r.retentionHistory(evidence)),
    write("createPackage", (r) => r.createPackage({ kind: "run" })),
    write("addPackageFiles", (r) => r.addPackageFiles(openPackage, [])),
    write("removePackageFile", (r) => r.removePackageFile(openPackage, "a"), "package.file_not_found"),
    write("finalizePackage", (r) => r.finalizePackage(evidence)),
    write("failPackage", (r) => r.failPackage(evidence, { reason }), "package.not_open"),
    keep("extendRetention", (r, n) =>
      r.extendRetention(evidence, { new_expires_at: `${2100 + n}-01-01T00:00:00Z`, reason }),
    ),
    keep("holdPackage", (r) => r.holdPackage(evidence, { reason })),
    keep("releaseHold", (r) => r.releaseHold(evidence, "hold_none", { reason }), "hold.not_found"),
    { name: "sweepRetention", scopes: ["retention"], limits: wrongPlace, call: (r) => r.sweepRetention() },
  ];
}

describe("every use case, by every kind of caller", () => {
  it.each([...useCases, ...open].map((useCase) => [useCase.name, useCase] as const))(
    "%s",
    async (_, useCase) => {
      const { call, allowed = "ok" } = useCase;
      const carries = (scope: Scope) => scope === "admin" || useCase.scopes.includes(scope);
      const [otherApp, otherChannel] = useCase.limits;
      const actual: Record<string, string> = {};
      const expected: Record<string, string> = {};
      const check = async (who: string, registry: Registry, outcome: string) => {
        actual[who] = await outcomeOf(call(registry, counter++));
        expected[who] = outcome;
      };
      await check(
        "anonymous",
        test.anonymous(),
        useCase.scopes === everybody ? allowed : "auth.missing_token",
      );
      for (const scope of scopes) {
        await check(scope, test.as([scope]), carries(scope) ? allowed : "auth.missing_scope");
        if (!carries(scope)) continue;
        await check(`${scope} elsewhere`, test.as([scope], { app: "other" }), otherApp);
        await check(`${scope} for another channel`, test.as([scope], { channel: "other" }), otherChannel);
      }
      expect(actual).toEqual(expected);
    },
  );

  it("covers the whole interface", () => {
    const covered = [...useCases, ...open].map(({ name }) => name);
    expect(covered.toSorted()).toEqual(Object.keys(test.registry).toSorted());
  });
});
