import { defineConfig } from "vitest/config";

import { hasGateway } from "./test/support/object-store.ts";
import { hasPostgres } from "./test/support/postgres-server.ts";

/** What runs on every engine: the product as its users meet it. */
const onEveryEngine = [
  "test/{catalog,console,ingest,registry,store}/**/*.test.ts",
  "test/e2e/evidence-pilot.test.ts",
  "test/client/client-packages.test.ts",
  "test/server/{access,api,console-session,packages*,pages,process-{jobs,locks,versions},share-links,stream,transfer-*}.test.ts",
];
const onPostgresOnly = "test/postgres/**/*.test.ts";

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "sqlite",
          include: ["src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: [onPostgresOnly],
        },
      },
      ...(hasPostgres()
        ? [
            {
              extends: true,
              test: {
                name: "postgres",
                include: [...onEveryEngine, onPostgresOnly],
                env: { DIST_TEST_ENGINE: "postgres", ...(hasGateway() && { DIST_TEST_STORAGE: "s3" }) },
              },
            } as const,
          ]
        : []),
    ],
    globalSetup: ["test/support/vitest-global.ts"],
    // A property with a hundred thousand runs takes its time.
    testTimeout: process.env["DIST_TEST_LONG"] === "1" ? 3_600_000 : 60_000,
    hookTimeout: 120_000,
  },
});
