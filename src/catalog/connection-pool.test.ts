import { describe, expect, it } from "vitest";

import { ConnectionPool } from "./connection-pool.ts";

class Fake {
  isUsable = true;
  isClosed = false;
  async close(): Promise<void> {
    this.isClosed = true;
  }
}

function pool(size: number) {
  const opened: Fake[] = [];
  const failures: Error[] = [];
  const made = new ConnectionPool<Fake>(size, async () => {
    const failure = failures.shift();
    if (failure !== undefined) throw failure;
    opened.push(new Fake());
    return opened.at(-1)!;
  });
  return { made, opened, failures };
}

describe("ConnectionPool", () => {
  it("opens when it must, and gives again what was given back", async () => {
    const { made, opened } = pool(2);
    const first = await made.take();
    await made.give(first);
    expect(await made.take()).toBe(first);
    expect(await made.take()).not.toBe(first);
    expect(opened).toHaveLength(2);
  });

  it("lets those beyond its size wait, in the order asked", async () => {
    const { made, opened } = pool(1);
    const only = await made.take();
    const order: string[] = [];
    const waits = ["a", "b"].map(async (name) => {
      const connection = await made.take();
      order.push(name);
      await made.give(connection);
    });
    expect(order).toEqual([]);
    await made.give(only);
    await Promise.all(waits);
    expect([order, opened.length]).toEqual([["a", "b"], 1]);
  });

  it("drops what cannot be used any more, idle or given back", async () => {
    const { made, opened } = pool(2);
    const [idle, used] = [await made.take(), await made.take()];
    await made.give(idle);
    idle.isUsable = false;
    used.isUsable = false;
    await made.give(used);
    expect(await made.take()).not.toBe(idle);
    expect([idle.isClosed, used.isClosed, opened.length]).toEqual([true, true, 3]);
  });

  // A database that was away for a moment must not leave the next caller waiting for ever.
  it("has its place back when opening fails", async () => {
    const { made, failures } = pool(1);
    failures.push(new Error("away"), new Error("away"));
    const waits = [made.take(), made.take(), made.take()];
    await expect(waits[0]).rejects.toThrow("away");
    await expect(waits[1]).rejects.toThrow("away");
    expect(await waits[2]).toBeInstanceOf(Fake);
  });

  it("closes what is idle, and what comes back later", async () => {
    const { made } = pool(2);
    const [idle, used] = [await made.take(), await made.take()];
    await made.give(idle);
    await made.close();
    expect([idle.isClosed, used.isClosed]).toEqual([true, false]);
    await made.give(used);
    expect(used.isClosed).toBe(true);
  });
});
