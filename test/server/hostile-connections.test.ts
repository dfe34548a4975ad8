import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";

import { afterEach, describe, expect, it } from "vitest";

import { readJson } from "../../src/server/api/read-json.ts";
import type { Mount } from "../../src/server/app.ts";
import { killPrograms } from "../support/programs.ts";
import { needs } from "../support/required-tools.ts";
import { startDistd } from "./distd.ts";
import { startTestServer } from "./process-server.ts";
import { rawConnection } from "./transfer-server.ts";

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  while (closers.length > 0) await closers.pop()!();
  await killPrograms();
});

const limits = { headersMs: 200, keepAliveMs: 75_000, maxConnections: 10_000 };

async function start(mounts: readonly Mount[], changes: Partial<typeof limits> = {}) {
  const test = await startTestServer(mounts, {}, { ...limits, ...changes });
  closers.push(test.close);
  return test.server;
}

/** Writes a piece of text every few milliseconds until the connection is closed. */
function trickle(socket: Socket, text: string): void {
  const timer = setInterval(() => {
    if (socket.writable) socket.write(text);
  }, 20);
  socket.once("close", () => clearInterval(timer));
}

describe("a client that takes its time", () => {
  it("with its headers is told so, and loses the connection", async () => {
    const { port } = await start([]);
    const slow = rawConnection(port);
    slow.send("GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ");
    trickle(slow.socket, "a");
    const answer = await slow.untilClosed();
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain('"code":"request.timeout"');
  });

  it("with its first byte, likewise", async () => {
    const { port } = await start([]);
    const answer = await rawConnection(port).untilClosed();
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it("with its JSON, likewise, however steadily it comes", async () => {
    const { port, url } = await start([
      (app) => void app.post("/json", async (c) => c.json(await readJson(c.req.raw, 200))),
    ]);
    const slow = rawConnection(port);
    slow.send(
      "POST /json HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n",
    );
    trickle(slow.socket, " ");
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const answer = await slow.untilClosed();
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain('"code":"request.timeout"');
  });
});

describe("more connections than the server holds", () => {
  it("are closed at once; one that ends makes room", async () => {
    const { port, url } = await start([], { headersMs: 20_000, maxConnections: 2 });
    const held = [rawConnection(port), rawConnection(port)];
    for (const connection of held) {
      // Answered, so the server has it.
      connection.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
      await connection.until('"ok"');
    }
    expect(await rawConnection(port).untilClosed()).toBe("");
    held[0]!.socket.destroy();
    let status = 0;
    for (let attempt = 0; attempt < 100 && status === 0; attempt += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      status = await fetch(`${url}/healthz`, { headers: { Connection: "close" } }).then(
        (answer) => answer.status,
        () => 0,
      );
    }
    expect(status).toBe(200);
    held[1]!.socket.destroy();
  });
});

/** Connections that this process and the one it starts can hold, up to 2,000. */
async function possibleConnections(): Promise<number> {
  const text = await readFile("/proc/self/limits", "utf8");
  const files = /^Max open files\s+(\d+)/m.exec(text)?.[1];
  return Math.min(2_000, Math.floor(Number(files ?? 1_024) / 2));
}

needs("procfs")("2,000 connections on which nothing comes", () => {
  it("keep nobody else from being served, and cost little", async () => {
    const distd = await startDistd();
    closers.push(distd.close);
    const count = await possibleConnections();
    expect(count).toBeGreaterThan(400);
    const residentBytes = async () =>
      Number(
        /^process_resident_memory_bytes (\d+)/m.exec(await (await fetch(`${distd.url}/metrics`)).text())?.[1],
      );
    const before = await residentBytes();
    const idle = Array.from({ length: count }, () => connect(distd.port, "127.0.0.1").on("error", () => {}));
    closers.push(() => idle.forEach((socket) => socket.destroy()));
    await Promise.all(idle.map((socket) => once(socket, "connect")));
    // Half of them have begun a request.
    for (const socket of idle.slice(0, count / 2)) socket.write("GET / HTTP/1.1\r\nHost: a\r\nX-A: ");
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => (await fetch(`${distd.url}/api/apps`)).status),
    );
    expect(answers).toEqual(Array.from({ length: 20 }, () => 200));
    expect((await distd.api("POST", "/apps", { slug: "meanwhile" })).status).toBe(201);
    expect((await residentBytes()) - before).toBeLessThan(128 * 1024 * 1024);
  });
});
