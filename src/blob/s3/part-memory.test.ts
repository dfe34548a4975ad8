import { buffer } from "node:stream/consumers";

import { describe, expect, it } from "vitest";

import { PartMemory } from "./part-memory.ts";
import { partBytes } from "./part-sizes.ts";

const FIRST = partBytes(1);

describe("memory for parts", () => {
  it("is bounded, and what is given back is there again", async () => {
    const memory = new PartMemory();
    const places = [];
    for (let place = memory.take(FIRST); place !== undefined; place = memory.take(FIRST)) places.push(place);
    expect(places.length).toBe(8);
    await places[3]!.close(false);
    expect(memory.take(FIRST)).toBeDefined();
    expect(memory.take(FIRST)).toBeUndefined();
  });

  it("has no room for the large parts of a very large upload", () => {
    expect(new PartMemory().take(partBytes(1_001))).toBeUndefined();
  });

  it("keeps what was written, from any position", async () => {
    const place = new PartMemory().take(FIRST)!;
    await place.write(Buffer.from("one "), 0);
    await place.write(Buffer.from("two"), 4);
    expect((await buffer(place.read(2, 6))).toString()).toBe("e tw");
  });

  // A request that broke off still holds what it was sending; written over, it would send another upload's bytes.
  it("is not used again while somebody may still read what was in it", async () => {
    const memory = new PartMemory();
    const contentAfter = async (torn: boolean): Promise<string> => {
      const place = memory.take(FIRST)!;
      await place.write(Buffer.from("first"), 0);
      const held = await new Promise<Buffer>((resolve) => place.read(0, 5).once("data", resolve));
      await place.close(torn);
      const next = memory.take(FIRST)!;
      await next.write(Buffer.from("OTHER"), 0);
      await next.close(false);
      return held.toString();
    };
    expect(await contentAfter(false)).toBe("OTHER");
    expect(await contentAfter(true)).toBe("first");
  });
});
