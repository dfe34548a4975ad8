import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";

import { afterEach, describe, expect, it } from "vitest";

import { killPrograms, runDist } from "../support/programs.ts";
import { writeRelease } from "../support/release-files.ts";
import { type Distd, startDistd } from "../server/distd.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  while (closers.length > 0) await closers.pop()!();
  await killPrograms();
});

/**
 * A connection to the server that hands on everything, except the answers to the first `lost` requests that begin with
 * `line`: when the server answers one of these, both ends are cut before the client has a byte of it.
 */
async function losingAnswers(distd: Distd, line: string, lost: number) {
  let cut = 0;
  const proxy = createServer((client) => {
    const server = connect(distd.port, "127.0.0.1");
    let isAwaited = false;
    client.on("data", (chunk) => {
      if (chunk.toString("latin1").startsWith(line)) isAwaited = true;
      server.write(chunk);
    });
    server.on("data", (chunk) => {
      if (isAwaited && cut < lost) {
        cut += 1;
        client.destroy();
        server.destroy();
      } else {
        isAwaited = false;
        client.write(chunk);
      }
    });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on("error", () => other.destroy()).on("close", () => other.destroy());
    }
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  closers.push(() => new Promise((resolve) => void proxy.close(resolve)));
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, cuts: () => cut };
}

describe("a publication whose answer is lost", () => {
  it.each([1, 2])("%d times is retried by the command, and is one release", async (lost) => {
    const distd = await startDistd();
    closers.push(() => distd.close());
    const token = await distd.token(["publish"]);
    const proxy = await losingAnswers(distd, "POST /api/apps/acme/releases", lost);
    const manifest = await writeRelease(distd.directory, { version: "1.0.0", channel: "beta" });
    const published = await runDist(["ci", "publish", "--manifest", manifest, "--server", proxy.url], {
      DIST_TOKEN: token,
    });
    expect([published.exit, published.json.status, proxy.cuts()]).toEqual([0, "published", lost]);

    const releases = await distd.api("GET", "/apps/acme/releases");
    expect(releases.json.items.map(({ id }: { id: string }) => id)).toEqual([published.json.release.id]);
    const history = await distd.api("GET", "/apps/acme/channels/beta/history");
    expect(history.json.items).toHaveLength(1);
    const audit = await distd.api("GET", "/audit?action=release.published");
    expect(audit.json.items).toHaveLength(1);
  });
});
