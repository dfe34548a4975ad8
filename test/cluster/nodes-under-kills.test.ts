import { createHash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, expect, it } from "vitest";

import { DistError } from "../../src/base/errors.ts";
import { connect } from "../../src/client/connect.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { runDist } from "../support/programs.ts";
import { needs } from "../support/required-tools.ts";
import { sourceOf, tarArtifact, tarGzBytes } from "../support/test-store.ts";
import { type Cluster, clusterTools, startCluster } from "./cluster.ts";
import { subscribe } from "./subscriber.ts";

const NODES = 3;
const CLIENTS = 8;
const PUBLISHES = 500;
/** Every so many a release is large: it goes up in pieces. */
const LARGE_EVERY = 50;
const LARGE_BYTES = 20 * 1024 ** 2;
/** A client whose publish failed begins it again, as somebody who reruns a job does. */
const TRIES = 60;
const TIMEOUT_MS = 15 * 60_000;

/** What somebody was told is published. */
interface Acknowledged {
  readonly id: string;
  readonly version: string;
  readonly sha256: string;
}

needs(...clusterTools)("three nodes behind nginx", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ nodes: NODES });
  }, TIMEOUT_MS);
  afterAll(() => cluster.close(), TIMEOUT_MS);

  it(
    "keep every acknowledged release whole while nodes, PostgreSQL, the gateway and connections are killed",
    async () => {
      const { url, admin } = cluster;
      const subscribers = [url, url, cluster.nodes[0]!].map((address) => subscribe(address, admin));
      const acknowledged: Acknowledged[] = [];
      const trouble = new AbortController();
      const faults = causeTrouble(cluster, trouble.signal);
      let next = 0;
      const publishUntilDone = async (): Promise<void> => {
        const registry = connect({ server: url, token: admin });
        while (next < PUBLISHES) {
          const number = (next += 1);
          acknowledged.push(await publish(registry, number));
        }
        await registry.close();
      };
      const clients = await Promise.allSettled(Array.from({ length: CLIENTS }, publishUntilDone));
      trouble.abort();
      const done = await faults;
      expect(clients.filter(({ status }) => status === "rejected")).toEqual([]);
      expect(
        Object.values(done).every((count) => count > 0),
        JSON.stringify(done),
      ).toBe(true);
      expect(acknowledged.length).toBe(PUBLISHES);

      const registry = connect({ server: url, token: admin });
      const listed = await allReleases(registry);
      // Nothing but what was acknowledged: no draft, no second release of a version.
      expect(listed.map(({ id, status }) => `${id} ${status}`).toSorted()).toEqual(
        acknowledged.map(({ id }) => `${id} published`).toSorted(),
      );
      for (const { id, sha256 } of acknowledged) {
        const release = listed.find((one) => one.id === id)!;
        expect(release.artifacts.map((artifact) => artifact.sha256)).toEqual([sha256]);
        expect(await digestOf(release.artifacts[0]!.url!, admin)).toBe(sha256);
      }

      const { head } = await registry.readEvents({ after: 0, limit: 1 });
      await registry.close();
      for (const subscriber of subscribers) {
        await subscriber.reached(head);
        expect(subscriber.seen).toEqual(Array.from({ length: head }, (_, index) => index + 1));
        expect(subscriber.reconnects()).toBeGreaterThan(0);
        await subscriber.close();
      }

      const verified = await runDist(["store", "verify", "--local-store", cluster.directory], cluster.env);
      expect([verified.exit, verified.json.problems]).toEqual([0, []]);
    },
    TIMEOUT_MS,
  );
});

/** Publishes one release, again and again until it is acknowledged. */
async function publish(registry: Registry, number: number): Promise<Acknowledged> {
  const version = `1.${number}.0`;
  const bytes = tarGzBytes(number % LARGE_EVERY === 0 ? randomBytes(LARGE_BYTES).toString("hex") : version);
  for (let tries = 1; ; tries += 1) {
    try {
      const { sha256 } = await registry.uploadObject(sourceOf(bytes));
      const { release } = await registry.publish({
        app: "acme",
        version,
        channel: "stable",
        // An answer that was lost: the release is there already.
        if_exists: "skip",
        artifacts: [tarArtifact(sha256, { filename: "acme.tar.gz" })],
      });
      return { id: release.id, version, sha256 };
    } catch (error) {
      const isPassing = error instanceof DistError && ["unavailable", "internal"].includes(error.kind);
      if (!isPassing || tries === TRIES) throw error;
      await sleep(500);
    }
  }
}

/** Makes one kind of trouble after another until it is told to stop; answers how often each was made. */
async function causeTrouble(cluster: Cluster, signal: AbortSignal) {
  const done = { nodes: 0, database: 0, gateway: 0, connections: 0 };
  for (let round = 0; !signal.aborted; round += 1) {
    const node = round % NODES;
    await cluster.killNode(node);
    await sleep(500);
    await cluster.startNode(node);
    done.nodes += 1;
    await sleep(1_000);
    cluster.cutConnections();
    done.connections += 1;
    await sleep(1_000);
    if (round % 2 === 0) {
      await cluster.crashDatabase(500);
      done.database += 1;
    } else {
      await cluster.crashGateway(500);
      done.gateway += 1;
    }
    await sleep(2_000);
  }
  return done;
}

async function allReleases(registry: Registry) {
  const releases = [];
  for (let after: string | undefined; ;) {
    const page = await registry.listReleases("acme", { limit: 200, ...(after !== undefined && { after }) });
    releases.push(...page.items);
    if (page.next === null) return releases;
    after = page.next;
  }
}

async function digestOf(url: string, token: string): Promise<string> {
  const response = await fetch(url, { headers: { Authorization: `Bearer ${token}` } });
  expect(response.status).toBe(200);
  return createHash("sha256")
    .update(Buffer.from(await response.arrayBuffer()))
    .digest("hex");
}
