import type { HttpBindings } from "@hono/node-server";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";

import { createApp } from "../../src/server/app.ts";
import { httpErrors } from "../../src/server/http-errors.ts";
import { createMetrics } from "../../src/server/metrics.ts";
import type { MetricFigures, Peers } from "../../src/server/peers.ts";
import { mountTransfer } from "../../src/server/transfer/mount-transfer.ts";
import { openTestStore, publishTar, tarGzBytes, type TestStore } from "../support/test-store.ts";
import { startTestServer, type TestServer } from "./process-server.ts";
import { ask } from "./transfer-server.ts";

let test: TestStore | undefined;
afterEach(async () => {
  await test?.close();
  test = undefined;
});

const empty = { tail: { head: async () => 0 } };

/** Processes that are one server, each with the figures of all. */
function peersOf(count: number) {
  const readers: (() => Promise<MetricFigures>)[] = [];
  const peers: Peers = {
    answerMetrics: (read) => void readers.push(read),
    allMetrics: () => Promise.all(readers.map((read) => read())),
  };
  return Array.from({ length: count }, (_, index) =>
    createMetrics({ tail: { head: async () => 10 + index } }, peers),
  );
}

describe("the figures of a server", () => {
  it("are bytes of files in and out, open requests and the head of the log", async () => {
    const server: TestServer = await startTestServer([mountTransfer]);
    test = server;
    const { secret } = await server.registry.createToken({ name: "ci", scopes: ["publish", "read"] });
    const { url } = server.server;
    const text = async () => (await ask(`${url}/metrics`)).body.toString();
    const bytes = tarGzBytes("12345");
    const headers = { Authorization: `Bearer ${secret}` };
    await ask(`${url}/api/upload`, { method: "POST", headers, body: bytes });
    expect(await text()).toContain(`\ndist_uploaded_bytes_total ${bytes.length}\n`);
    expect(await text()).toContain("\ndist_downloaded_bytes_total 0\n");
    const { artifacts } = await publishTar(server.registry, { version: "1", channel: "beta", text: "12345" });
    await ask(`${url}/download/${artifacts[0]!.sha256}`, { headers: { ...headers, Range: "bytes=0-3" } });
    expect(await text()).toContain("\ndist_downloaded_bytes_total 4\n");
    const { head } = await server.registry.storeStatus();
    expect(await text()).toContain(`\ndist_event_log_head ${head}\n`);
    // The one that asks.
    expect(await text()).toContain("\ndist_http_open_requests 1\n");
  });

  it("leave the head out while the store cannot be read, and go on with the rest", async () => {
    const metrics = createMetrics({ tail: { head: () => Promise.reject(new Error("the disk is gone")) } });
    const text = await metrics.text();
    expect(text).not.toMatch(/^dist_event_log_head /m);
    expect(text).toContain("dist_http_open_requests 0");
  });

  it("are sums over its processes, but for what they all see", async () => {
    const [one, two] = peersOf(2);
    for (const [metrics, requests] of [
      [one!, 2],
      [two!, 3],
    ] as const) {
      for (let request = 0; request < requests; request += 1) {
        metrics.requestBegan();
        metrics.requestEnded("GET", 200, 30);
      }
      metrics.requestBegan();
      metrics.uploaded(100);
    }
    const text = await two!.text();
    expect(text).toContain('dist_http_requests_total{method="GET",status="200"} 5');
    expect(text).toContain('dist_http_request_duration_seconds_bucket{le="0.1",method="GET"} 5');
    expect(text).toContain("\ndist_http_open_requests 2\n");
    expect(text).toContain("\ndist_uploaded_bytes_total 200\n");
    expect(text).toContain("\ndist_event_log_head 11\n");
    expect(await one!.text()).toContain('dist_http_requests_total{method="GET",status="200"} 5');
  });

  it("belong to one server each", async () => {
    const [one, two] = [createMetrics(empty), createMetrics(empty)];
    one.uploaded(5);
    expect(await one.text()).toContain("\ndist_uploaded_bytes_total 5\n");
    expect(await two.text()).toContain("\ndist_uploaded_bytes_total 0\n");
  });

  // A sum that lacks a process looks like a restart, and makes rates of what was counted long ago.
  it("are refused whole when a process does not give its own", async () => {
    const store = (test = await openTestStore());
    const peers: Peers = {
      answerMetrics: () => {},
      allMetrics: () => Promise.reject(httpErrors.error("metrics.incomplete", "One is missing.")),
    };
    const settings = {
      host: "127.0.0.1",
      port: 0,
      workers: 2,
      publicUrl: null,
      trustedProxies: [],
      maxUploadBytes: 1,
      sendFile: "off",
      oidc: null,
    } as const;
    const deps = { store: store.store, clock: store.clock, settings, log: pino({ enabled: false }), peers };
    const answer = await createApp(deps, []).hono.fetch(new Request("http://a/metrics"), {} as HttpBindings);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ error: { code: "metrics.incomplete" } });
  });
});
