import fc from "fast-check";
import { Hono } from "hono";
import { pino } from "pino";
import { describe, expect, it, vi } from "vitest";

import { eventTypes } from "../../src/log/events.ts";
import { mountApi } from "../../src/server/api/mount-api.ts";
import { finish } from "../../src/server/conditional.ts";
import { errorHandler } from "../../src/server/errors-answer.ts";
import { identify } from "../../src/server/identify.ts";
import { KeptAnswers } from "../../src/server/kept-answers.ts";
import { createMetrics } from "../../src/server/metrics.ts";
import { mountPages } from "../../src/server/pages/mount-pages.ts";
import type { PartDeps, ServerEnv } from "../../src/server/server-context.ts";
import { everyEvent, histories, HistoryRun, type Step } from "../catalog/histories.ts";
import {
  eventsOf,
  openTestStore,
  publishTar,
  sqlOn,
  type TestStore,
  uploadTar,
} from "../support/test-store.ts";

/** Histories tried; DIST_TEST_LONG multiplies them. */
const runs = 4 * Math.max(1, Number(process.env["DIST_TEST_LONG"] ?? 1));

const paths = ["/api/apps/acme", "/api/apps/acme?limit=1", "/api/apps/beta-app", "/install/acme/beta"];
const devices = ["", "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X)"];

/** What happens to packages of evidence only, which no app has. */
const ofEvidence = new Set(["v1.package.file_replaced", "v1.package.failed"]);

/** The pages and the API on a store, as this server would have them that keeps answers for long. */
function serverOn({ store, clock }: TestStore): Hono<ServerEnv> {
  const settings = {
    host: "127.0.0.1",
    port: 0,
    workers: 1,
    publicUrl: "https://dist.example.org",
    trustedProxies: [],
    maxUploadBytes: 1,
    sendFile: "off",
    oidc: null,
  } as const;
  const deps: PartDeps = {
    store,
    clock,
    settings,
    log: pino({ enabled: false }),
    metrics: createMetrics(store),
  };
  const app = new Hono<ServerEnv>();
  app.onError(errorHandler(deps));
  app.use(identify(deps));
  mountApi(app, deps);
  mountPages(app, deps);
  return app;
}

async function ask(app: Hono<ServerEnv>, path: string, token: string | undefined, device: string) {
  const headers = { "User-Agent": device, ...(token !== undefined && { Authorization: `Bearer ${token}` }) };
  const response = await app.request(path, { headers }, {});
  return { status: response.status, etag: response.headers.get("ETag"), text: await response.text() };
}

/** The same, made anew. */
async function askAnew(...request: Parameters<typeof ask>) {
  const answer = vi.spyOn(KeptAnswers.prototype, "answer");
  answer.mockImplementation(async (_version, _key, make) => finish((await make()).body));
  try {
    return await ask(...request);
  } finally {
    answer.mockRestore();
  }
}

/** One reader of each kind: nobody, and tokens that see more and more. */
async function readersOf({ registry }: TestStore): Promise<(string | undefined)[]> {
  const secretOf = async (name: string, scopes: readonly string[], app: string | null = null) =>
    (await registry.createToken({ name, scopes, app })).secret;
  return [
    undefined,
    await secretOf("audits", ["audit"]),
    await secretOf("reads-beta-app", ["read"], "beta-app"),
    await secretOf("reads", ["read"]),
    await secretOf("publishes", ["publish"]),
    await secretOf("all", ["admin"]),
  ];
}

/**
 * Runs the steps in one store, and after each compares what a server on another handle of the same directory, which keeps
 * answers all along, says to every reader with what it would say without them. Answers the kinds of events that happened.
 */
async function compareAfterEach(steps: readonly Step[]): Promise<Set<string>> {
  const writing = await openTestStore();
  const reading = await openTestStore({ directory: writing.directory });
  try {
    const readers = await readersOf(writing);
    const app = serverOn(reading);
    const run = new HistoryRun(writing);
    for (const step of steps) {
      await run.run([step]);
      for (const path of paths) {
        for (const reader of readers) {
          for (const device of path.startsWith("/install") ? devices : devices.slice(0, 1)) {
            const request = [app, path, reader, device] as const;
            expect(await ask(...request), JSON.stringify({ step, path, reader })).toEqual(
              await askAnew(...request),
            );
          }
        }
      }
    }
    return new Set((await eventsOf(writing.registry)).map(({ action }) => action));
  } finally {
    await reading.close();
    await writing.close();
  }
}

describe("answers that are kept", () => {
  // Catches an event that changes an answer and leaves the app's row as it was, and a reader who gets another's answer.
  it("are what would be answered anew, after every kind of event", async () => {
    const happened = await compareAfterEach(everyEvent);
    const ofApps = eventTypes.filter(
      (type) => /^v1\.(app|release|artifact|channel|package)\./.test(type) && !ofEvidence.has(type),
    );
    // Actions are types without their version.
    expect(ofApps.filter((type) => !happened.has(type.slice("v1.".length)))).toEqual([]);
  }, 60_000);

  it(
    `are what would be answered anew, after any history (${runs} histories)`,
    async () => {
      await fc.assert(
        fc.asyncProperty(histories, async (steps) => {
          await compareAfterEach(steps);
        }),
        { numRuns: runs },
      );
    },
    60_000 * runs,
  );

  // Without this the comparisons above would hold for a server that keeps nothing.
  it("are not made again while nothing happens to the app", async () => {
    const test = await openTestStore();
    try {
      await publishTar(test.registry, { version: "1.0", channel: "beta" });
      const app = serverOn(test);
      for (const path of ["/api/apps/acme", "/install/acme/beta"]) {
        const before = await ask(app, path, undefined, "");
        sqlOn(test, "UPDATE app SET display_name = 'Forged' WHERE slug = 'acme'");
        expect(await ask(app, path, undefined, "")).toEqual(before);
        expect((await askAnew(app, path, undefined, "")).text).toContain("Forged");
        sqlOn(test, "UPDATE app SET display_name = 'acme' WHERE slug = 'acme'");
      }
    } finally {
      await test.close();
    }
  });

  it("show bytes that were lost and sent again", async () => {
    const test = await openTestStore();
    try {
      await publishTar(test.registry, { version: "1.0", channel: "beta", text: "lost" });
      const app = serverOn(test);
      sqlOn(test, "DELETE FROM storage_location");
      const artifactUrl = async () =>
        JSON.parse((await ask(app, "/api/apps/acme", undefined, "")).text).releases.items[0].artifacts[0].url;
      expect(await artifactUrl()).toBeNull();
      await uploadTar(test.registry, "lost");
      expect(await artifactUrl()).toMatch(/^https:\/\/dist\.example\.org\/download\//);
    } finally {
      await test.close();
    }
  });

  it("are of no use to a share link's visitor, whose page has the link's secret in it", async () => {
    const test = await openTestStore();
    try {
      await test.registry.createApp("acme", { visibility: "private" });
      await publishTar(test.registry, { version: "1.0", channel: "beta" });
      const app = serverOn(test);
      const [one, two] = [
        await test.registry.createShare("acme", {}),
        await test.registry.createShare("acme", {}),
      ];
      for (const { secret } of [one, two, one]) {
        const { status, text } = await ask(app, `/install/acme/beta?share=${secret}`, undefined, "");
        expect([status, new Set(text.match(/share_[0-9a-f]{64}/g))]).toEqual([200, new Set([secret])]);
      }
      expect((await ask(app, "/install/acme/beta", undefined, "")).status).toBe(404);
    } finally {
      await test.close();
    }
  });
});
