import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { plainRoutes } from "../../src/server/api/plain-routes.ts";
import { publishTar } from "../support/test-store.ts";
import { startTestServer, type TestServer } from "./process-server.ts";

let server: TestServer;
let digest: string;
beforeAll(async () => {
  server = await startTestServer(undefined);
  digest = (await publishTar(server.registry, { version: "1", channel: "beta" })).artifacts[0]!.sha256;
});
afterAll(() => server.close());

const routes = Object.values(plainRoutes).flat();

describe("every route of the reference that is no JSON route", () => {
  // Catches a page of the reference that describes what the server does not answer.
  it.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))(
    "%s",
    async (_, route) => {
      const path = route.path
        .replace("{sha256}", digest)
        .replace("{app}", "acme")
        .replace("{channel}", "beta")
        .replace("{platform}", "linux")
        .replaceAll(/\[[^\]]*\]/g, "")
        .replace("{id}", "upl_00000000000000000000000000");
      const answer = await fetch(server.server.url + path, { method: route.method, redirect: "manual" });
      const body = await answer.text();
      expect(body).not.toContain("request.not_found");
      expect(answer.status).not.toBe(405);
    },
  );
});
