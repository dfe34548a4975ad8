import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { connect as connectTo } from "../../src/client/connect.ts";
import { fileSource } from "../../src/registry/file-source.ts";
import { killPrograms, type Program, startProgram } from "../support/programs.ts";

const SIZE = 200_000_000;
const MIB = 1024 * 1024;

let directory: string;
let file: string;
let sha256: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-cuts-"));
  file = join(directory, "large.bin");
  sha256 = await writeLargeFile(file);
});
afterAll(() => rm(directory, { recursive: true }));

let store: string;
let distd: Program;
let token: string;
let proxy: CuttingProxy;
beforeEach(async () => {
  store = await mkdtemp(join(directory, "store-"));
  distd = startProgram("distd", ["--local-store", store, "--port", "0"]);
  proxy = await cuttingProxy(Number(new URL(await distd.url).port));
  token = /dist_[0-9a-f]{64}/.exec(distd.stderr())![0];
});
afterEach(async () => {
  await proxy.close();
  distd.child.kill("SIGTERM");
  await distd.code;
  await killPrograms();
  await rm(store, { recursive: true });
});

/** Uploads through the proxy as the command line does, and answers what the server made of it. */
async function upload(): Promise<{ sha256: string }> {
  const timing = { firstWaitMs: 20, totalWaitMs: 120_000, idleMs: 30_000 };
  const registry = connectTo({ server: `http://127.0.0.1:${proxy.port}`, token, timing });
  try {
    return await registry.uploadObject(await fileSource(file));
  } finally {
    await registry.close();
  }
}

/** What the server has acknowledged of the upload that is under way. */
function acknowledgedBytes(): number {
  const database = new DatabaseSync(join(store, "dist.db"), { readOnly: true });
  try {
    const [row] = database.prepare("SELECT offset_bytes FROM upload_session").all();
    return Number(row?.["offset_bytes"] ?? 0);
  } finally {
    database.close();
  }
}

describe("a 200 MB upload", () => {
  it("through twenty cuts of the network ends right, and no acknowledged byte is sent again", async () => {
    const cuts = Array.from({ length: 20 }, (_, index) => Math.floor((SIZE / 20) * (index + 0.37)));
    let made = 0;
    proxy.onBytes = (_socket, sentBytes) => {
      if (made < cuts.length && sentBytes >= cuts[made]!) {
        made += 1;
        return "cut";
      }
      return "pass";
    };
    expect((await upload()).sha256).toBe(sha256);
    expect(made).toBe(20);
    // Everything that arrived was recorded at each cut, so what was sent twice is at most what the wire held then.
    expect(proxy.patchedFrom.length).toBeGreaterThan(20);
    const offsets = proxy.patchedFrom.toSorted((a, b) => a - b);
    expect(proxy.patchedFrom).toEqual(offsets);
    expect(proxy.receivedBytes - SIZE).toBeLessThan(20 * 8 * MIB);
  }, 300_000);

  it("of a server that is killed ten times ends right, and no acknowledged byte is sent again", async () => {
    const port = Number(new URL(await distd.url).port);
    let kills = 0;
    let restarting: Promise<void> = Promise.resolve();
    const acknowledged: number[] = [];
    proxy.onBytes = (_socket, sentBytes) => {
      if (kills < 10 && sentBytes >= (SIZE / 10.5) * (kills + 0.6) && !proxy.isPaused) {
        kills += 1;
        proxy.isPaused = true;
        restarting = restarting.then(async () => {
          distd.child.kill("SIGKILL");
          await distd.code;
          acknowledged.push(acknowledgedBytes());
          distd = startProgram("distd", ["--local-store", store, "--port", String(port)]);
          await distd.url;
          proxy.isPaused = false;
        });
      }
      return "pass";
    };
    expect((await upload()).sha256).toBe(sha256);
    await restarting;
    expect(kills).toBe(10);
    // Each time it went on exactly where the killed server had acknowledged, or beyond.
    const continued = proxy.patchedFrom.slice(1);
    for (const [index, offset] of acknowledged.entries())
      expect(continued[index]).toBeGreaterThanOrEqual(offset);
    expect(Math.max(...acknowledged)).toBeGreaterThan(SIZE / 2);
  }, 300_000);
});

interface CuttingProxy {
  readonly port: number;
  /** Decides, as bytes come from the client, whether they pass; told how much has been sent of the upload by them. */
  onBytes: (socket: Socket, uploadedBytes: number) => "pass" | "cut";
  /** While true, connections are refused: the server is not there. */
  isPaused: boolean;
  /** The offsets of the pieces, in order. */
  readonly patchedFrom: readonly number[];
  /** All bytes that came from the client. */
  readonly receivedBytes: number;
  close(): Promise<void>;
}

/** A proxy for one server that cuts connections where a test says so. */
async function cuttingProxy(serverPort: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  const patchedFrom: number[] = [];
  const state = { receivedBytes: 0, isPaused: false, onBytes: (() => "pass") as CuttingProxy["onBytes"] };
  const server: Server = createServer((client) => {
    if (state.isPaused) return void client.destroy();
    const upstream = connect(serverPort, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket
        .on("error", () => {})
        .on("close", () => {
          sockets.delete(socket);
          client.destroy();
          upstream.destroy();
        });
    }
    let piece: { from: number; bytes: number } | undefined;
    client.on("data", (chunk: Buffer) => {
      state.receivedBytes += chunk.length;
      const head = chunk.subarray(0, 2048).toString("latin1");
      const [, from] = /^PATCH [^]*\r\nupload-offset: (\d+)\r\n/i.exec(head) ?? [];
      if (from !== undefined) {
        piece = { from: Number(from), bytes: 0 };
        patchedFrom.push(piece.from);
      } else if (piece !== undefined) piece.bytes += chunk.length;
      if (piece !== undefined && state.onBytes(client, piece.from + piece.bytes) === "cut") {
        client.destroy();
        upstream.end();
        return;
      }
      if (!upstream.write(chunk)) client.pause();
    });
    upstream.on("drain", () => client.resume());
    upstream.on("data", (chunk) => void client.write(chunk));
    upstream.on("end", () => client.end());
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return Object.assign(state, {
    port: (server.address() as AddressInfo).port,
    patchedFrom,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  });
}

/** Bytes that repeat nowhere, so that a piece in the wrong place cannot go unseen. Answers their SHA-256. */
async function writeLargeFile(path: string): Promise<string> {
  const handle = await open(path, "w");
  for (let at = 0; at < SIZE; at += MIB) {
    const block = Buffer.alloc(Math.min(MIB, SIZE - at));
    for (let word = 0; word + 8 <= block.length; word += 8) block.writeDoubleLE(at + word, word);
    await handle.write(block);
  }
  await handle.close();
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
