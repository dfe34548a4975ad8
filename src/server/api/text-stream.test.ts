import { describe, expect, it } from "vitest";

import { textStream } from "./text-stream.ts";

/** Three pieces, and whether the iteration is over. */
function source() {
  const state = { ended: false };
  async function* pieces() {
    try {
      yield "a";
      yield "ü";
      yield "c";
    } finally {
      state.ended = true;
    }
  }
  return { state, pieces: pieces() };
}

describe("a text stream", () => {
  it("gives the bytes of every piece", async () => {
    const { state, pieces } = source();
    const stream = textStream(await pieces.next(), pieces);
    expect(await new Response(stream).text()).toBe("aüc");
    expect(state.ended).toBe(true);
  });

  // A generator between the two would never start, and so never end, for a reader that leaves at once.
  it.each([0, 1])("ends the iteration for a reader that leaves after %i pieces", async (count) => {
    const { state, pieces } = source();
    const reader = textStream(await pieces.next(), pieces).getReader();
    for (let read = 0; read < count; read += 1) await reader.read();
    await reader.cancel();
    expect(state.ended).toBe(true);
  });

  it("breaks where the iteration does", async () => {
    async function* broken() {
      yield "a";
      throw new Error("torn");
    }
    const pieces = broken();
    await expect(new Response(textStream(await pieces.next(), pieces)).text()).rejects.toThrow("torn");
  });
});
