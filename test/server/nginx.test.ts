import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, it } from "vitest";

import { killPrograms, runDist } from "../support/programs.ts";
import { writeRelease } from "../support/release-files.ts";
import { needs } from "../support/required-tools.ts";
import { tarGzBytes } from "../support/test-store.ts";
import { type Distd, startDistd } from "./distd.ts";
import { openEventStream } from "./event-stream-client.ts";
import { freePort, makeCertificates, type Nginx, startNginx } from "./nginx.ts";
import { ask } from "./transfer-server.ts";

const MEBIBYTE = 1024 * 1024;
const UNKNOWN_TOKEN = `dist_${"0".repeat(64)}`;

let directory: string;
let ca: Buffer;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-nginx-"));
});
afterAll(async () => {
  await killPrograms();
  await rm(directory, { recursive: true, force: true });
});

/** distd behind nginx: where people reach it, and where nobody but nginx should. */
interface Site {
  readonly distd: Distd;
  readonly nginx: Nginx;
  readonly httpPort: number;
  /** `https://localhost:…`, nginx. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

async function startSite(options: {
  env?: Record<string, string>;
  withPublicUrl?: boolean;
  changes?: readonly (readonly [string, string])[];
}): Promise<Site> {
  const [httpPort, httpsPort] = [await freePort(), await freePort()];
  const url = `https://localhost:${httpsPort}`;
  const distd = await startDistd(options.withPublicUrl === false ? [] : ["--public-url", url], {
    DIST_TRUSTED_PROXIES: "127.0.0.1",
    ...options.env,
  });
  const caFile = makeCertificates(distd.directory);
  ca = await readFile(caFile);
  const nginx = await startNginx({
    directory: distd.directory,
    httpPort,
    httpsPort,
    distdPort: distd.port,
    store: distd.store,
    changes: options.changes ?? [],
  });
  const close = async () => {
    await nginx.close();
    await distd.close();
  };
  return { distd, nginx, httpPort, url, close };
}

/** A request through nginx or to distd itself, from one of this machine's addresses. */
const get = (url: string, headers: Record<string, string> = {}, localAddress = "127.0.0.2") =>
  ask(url, { headers, connection: { ca, localAddress } });

const bearer = (secret: string) => ({ Authorization: `Bearer ${secret}` });

/** The command line against the site, as a CI job would use it. */
const dist = (site: Site, args: readonly string[]) =>
  runDist([...args, "--server", site.url, "--ca-file", join(site.distd.directory, "ca.pem")], {
    DIST_TOKEN: site.distd.admin,
  });

const claims = {
  "X-Forwarded-For": "203.0.113.9",
  "X-Forwarded-Host": "evil.example",
  "X-Forwarded-Proto": "http",
  Forwarded: "for=203.0.113.9;host=evil.example;proto=http",
};

needs("nginx", "openssl")("behind nginx", () => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite({});
    await site.distd.api("POST", "/apps", { slug: "acme", visibility: "public" });
    const manifest = await writeRelease(site.distd.directory, { version: "1.0.0", channel: "beta" });
    const published = await dist(site, ["ci", "publish", "--manifest", manifest]);
    expect([published.exit, published.json.status]).toEqual([0, "published"]);
  });
  afterAll(() => site.close());

  it("every link is the public one, whoever says what about himself", async () => {
    for (const base of [site.url, site.distd.url]) {
      for (const path of ["/", "/install/acme/beta", "/api/apps/acme/releases"]) {
        const { status, body } = await get(base + path, claims);
        expect(status).toBe(200);
        const links = [...body.toString().matchAll(/https?:\/\/[\w.:-]+/g)].map(([link]) => link);
        expect(new Set(links)).toEqual(new Set([site.url]));
      }
    }
  });

  it("an unencrypted request is sent to the encrypted address", async () => {
    const { status, headers } = await ask(`http://127.0.0.1:${site.httpPort}/install/acme/beta?a=b`);
    expect([status, headers.location]).toEqual([301, `${site.url}/install/acme/beta?a=b`]);
  });

  it("failures count for the address that nginx saw, not for the one that the client claims", async () => {
    const attempt = async (base: string, from: string, claimed: number) =>
      (
        await get(
          `${base}/api/apps`,
          { ...bearer(UNKNOWN_TOKEN), "X-Forwarded-For": `203.0.113.${claimed}` },
          from,
        )
      ).status;
    for (const [base, from, other] of [
      [site.url, "127.0.0.3", "127.0.0.4"],
      [site.distd.url, "127.0.0.5", "127.0.0.6"],
    ] as const) {
      for (let failure = 0; failure < 20; failure += 1) expect(await attempt(base, from, failure)).toBe(401);
      expect(await attempt(base, from, 99)).toBe(429);
      expect(await attempt(base, other, 99)).toBe(401);
    }
  });

  it("the command line downloads what it published", async () => {
    const output = join(site.distd.directory, "downloaded.tar.gz");
    const args = ["release", "download", "--app", "acme", "--channel", "beta", "--output", output];
    expect((await dist(site, args)).exit).toBe(0);
    expect((await readFile(output)).equals(Buffer.from(tarGzBytes("acme 1.0.0")))).toBe(true);
  });

  it("the command line refuses an authority that it was not told of", async () => {
    const { exit, json } = await runDist(["app", "list", "--server", site.url]);
    expect([exit, json.error.code]).toEqual([1, "client.tls"]);
  });

  it("refusals come through: codes, headers, and at once", async () => {
    const missing = await get(`${site.url}/install/none/beta`);
    expect([missing.status, missing.headers["x-frame-options"]]).toEqual([404, "DENY"]);
    const large = await ask(`${site.url}/api/apps`, {
      method: "POST",
      headers: { ...bearer(site.distd.admin), "Content-Type": "application/json" },
      body: Buffer.alloc(2 * MEBIBYTE, " "),
      connection: { ca },
    });
    expect(JSON.parse(large.body.toString()).error.code).toBe("request.body_too_large");
    expect(large.status).toBe(413);
    const headers = await get(`${site.url}/healthz`, { "X-Large": "a".repeat(8_100) });
    expect([headers.status, JSON.parse(headers.body.toString()).error.code]).toEqual([
      431,
      "request.headers_too_large",
    ]);
  });

  it("events come when they happen", async () => {
    const stream = openEventStream(`${site.url}/api/events`, { secret: site.distd.admin, ca });
    try {
      await stream.until("event: hello");
      await site.distd.api("POST", "/apps", { slug: "while-listening" });
      // Nothing else is sent that could push it out of a buffer.
      await stream.until("while-listening");
    } finally {
      stream.close();
    }
  });

  it("no log has the secret of a share link", async () => {
    const { json } = await site.distd.api("POST", "/apps/acme/shares", { channel: "beta" });
    const { status } = await get(json.url);
    expect(status).toBe(200);
    expect(site.nginx.accessLog()).toContain('"GET /install/acme/beta" 200');
    expect(site.nginx.accessLog() + site.distd.program.stdout()).not.toContain(json.secret);
  });
});

needs("nginx", "openssl")("behind nginx, without a public URL", () => {
  it("links follow what nginx says, and of others only what they themselves asked for", async () => {
    const site = await startSite({ withPublicUrl: false });
    try {
      const linksOf = async (base: string) =>
        (await get(`${base}/`, claims)).body.toString().match(/https?:\/\/[\w.:-]+/g);
      expect(new Set(await linksOf(site.url))).toEqual(new Set([site.url]));
      expect(new Set(await linksOf(site.distd.url))).toEqual(new Set([site.distd.url]));
    } finally {
      await site.close();
    }
  });
});

needs("nginx", "openssl")("64 MiB through nginx", () => {
  it.each([
    ["as they come", []],
    ["collected first", [["proxy_request_buffering off", "proxy_request_buffering on"]]],
  ] as const)("%s: published, downloaded, the same", async (_, changes) => {
    const site = await startSite({ changes });
    try {
      const large = Buffer.from(tarGzBytes(randomBytes(64 * MEBIBYTE).toString("latin1")));
      const manifest = await writeRelease(site.distd.directory, {
        version: "1.0.0",
        channel: "beta",
        bytes: large,
      });
      const published = await dist(site, ["ci", "publish", "--manifest", manifest]);
      expect([published.exit, published.json.artifacts[0].size_bytes]).toEqual([0, large.length]);
      const answer = await get(`${site.url}/download/acme/beta/linux`);
      const download = await get(site.url + answer.headers.location);
      expect(download.body.equals(large)).toBe(true);
    } finally {
      await site.close();
    }
  });
});

needs("nginx", "openssl")("downloads that nginx sends", () => {
  let site: Site;
  let url: string;
  let direct: string;
  let hidden: string;
  const bytes = Buffer.from(tarGzBytes("sent by nginx from the store"));
  beforeAll(async () => {
    site = await startSite({ env: { DIST_SERVER_SEND_FILE: "x-accel" } });
    await site.distd.api("POST", "/apps", { slug: "acme", visibility: "public" });
    await site.distd.api("POST", "/apps", { slug: "hidden", visibility: "private" });
    const digests: string[] = [];
    for (const app of ["acme", "hidden"]) {
      const manifest = await writeRelease(site.distd.directory, {
        app,
        version: "1.0.0",
        channel: "beta",
        ...(app === "acme" && { bytes }),
      });
      const { json } = await dist(site, ["ci", "publish", "--manifest", manifest]);
      digests.push(`/download/${json.artifacts[0].sha256}?artifact=${json.artifacts[0].id}`);
    }
    url = site.url + digests[0];
    direct = site.distd.url + digests[0];
    hidden = site.url + digests[1];
  });
  afterAll(() => site.close());

  it("are what distd describes, with every header of its answer", async () => {
    const described = await get(direct);
    // distd sent a head alone: the bytes below are nginx's.
    expect([described.body.length, described.headers["x-accel-redirect"]]).toEqual([
      0,
      expect.stringMatching(/^\/protected\/objects\//),
    ]);
    const answer = await get(url);
    expect([answer.status, answer.body.equals(bytes)]).toEqual([200, true]);
    for (const name of [
      "etag",
      "content-type",
      "content-disposition",
      "cache-control",
      "vary",
      "x-checksum-sha256",
      "repr-digest",
      "content-security-policy",
      "x-content-type-options",
      "referrer-policy",
      "x-frame-options",
    ]) {
      expect([name, answer.headers[name]]).toEqual([name, described.headers[name]]);
    }
    expect(answer.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers["accept-ranges"]).toBe("bytes");
    expect(answer.headers["last-modified"]).toBeUndefined();
    expect(answer.headers["content-length"]).toBe(`${bytes.length}`);
  });

  it("come in ranges, while the file is the one that If-Range names", async () => {
    const etag = String((await get(url)).headers.etag);
    const part = await get(url, { Range: "bytes=3-6" });
    expect([part.status, part.headers["content-range"], part.body.equals(bytes.subarray(3, 7))]).toEqual([
      206,
      `bytes 3-6/${bytes.length}`,
      true,
    ]);
    expect((await get(url, { Range: "bytes=3-6", "If-Range": etag })).status).toBe(206);
    expect((await get(url, { Range: "bytes=3-6", "If-Range": '"other"' })).status).toBe(200);
    expect((await get(url, { Range: "bytes=1000000-" })).status).toBe(416);
    const not = await get(url, { "If-None-Match": etag });
    expect([not.status, not.body.length]).toEqual([304, 0]);
    const head = await ask(url, { method: "HEAD", connection: { ca } });
    expect([head.status, head.headers["content-length"], head.body.length]).toEqual([
      200,
      `${bytes.length}`,
      0,
    ]);
  });

  it("are those of people who may have them; nobody reaches the store by its path", async () => {
    expect((await get(hidden)).status).toBe(404);
    expect((await get(hidden, bearer(site.distd.admin))).status).toBe(200);
    const sha256 = url.split("/").at(-1)!.split("?")[0]!;
    for (const path of [
      `/protected/objects/${sha256.slice(0, 2)}/${sha256}`,
      "/protected/dist.db",
      "/protected/objects/../dist.db",
      "/protected/objects/%2e%2e/dist.db",
      "/protected/objects../dist.db",
    ]) {
      expect([path, (await get(site.url + path, bearer(site.distd.admin))).status]).toEqual([path, 404]);
    }
  });

  it("are downloaded whole by the command line", async () => {
    const output = join(site.distd.directory, "by-nginx.tar.gz");
    const args = ["release", "download", "--app", "acme", "--channel", "beta", "--output", output];
    expect((await dist(site, args)).exit).toBe(0);
    expect((await readFile(output)).equals(bytes)).toBe(true);
  });
});
