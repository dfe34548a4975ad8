import { describe, expect, it } from "vitest";

import { KeptAnswers } from "./kept-answers.ts";

/** A cache whose answers say how often they were made. */
function countingAnswers(maxBytes?: number) {
  const kept = new KeptAnswers(maxBytes);
  const made = new Map<string, number>();
  return {
    ask: async (
      key: string,
      seq = 1,
      options: { reader?: string; mayKeep?: boolean; bytes?: number } = {},
    ) => {
      const { reader = "anonymous", mayKeep = true, bytes = 0 } = options;
      const { body } = await kept.answer({ key: reader, seq }, key, async () => {
        const count = (made.get(`${reader} ${key}`) ?? 0) + 1;
        made.set(`${reader} ${key}`, count);
        return { body: `${count}`.padEnd(bytes), mayKeep };
      });
      return Number(Buffer.from(body).toString());
    },
  };
}

describe("KeptAnswers", () => {
  it("makes an answer once per version", async () => {
    const { ask } = countingAnswers();
    expect([await ask("a"), await ask("a"), await ask("a", 2), await ask("a", 2)]).toEqual([1, 1, 2, 2]);
  });

  it("tells keys and readers apart", async () => {
    const { ask } = countingAnswers();
    await ask("a");
    await ask("a", 2);
    expect([await ask("b"), await ask("a", 2, { reader: "admin" })]).toEqual([1, 1]);
  });

  it("keeps nothing that may not be kept", async () => {
    const { ask } = countingAnswers();
    expect([await ask("a", 1, { mayKeep: false }), await ask("a", 1, { mayKeep: false })]).toEqual([1, 2]);
  });

  it("has room for so many bytes, and lets go first what was not asked for the longest", async () => {
    const { ask } = countingAnswers(30_000);
    for (const key of ["a", "b", "c"]) await ask(key, 1, { bytes: 8_000 });
    await ask("a");
    await ask("d", 1, { bytes: 8_000 });
    expect([await ask("a"), await ask("c"), await ask("d"), await ask("b")]).toEqual([1, 1, 1, 2]);
  });

  it("counts an answer's room once, however often it is made anew", async () => {
    const { ask } = countingAnswers(30_000);
    await ask("a", 1, { bytes: 8_000 });
    for (let seq = 1; seq <= 10; seq += 1) await ask("b", seq, { bytes: 8_000 });
    expect(await ask("a")).toBe(1);
  });

  // One such answer would push out hundreds of others.
  it("does not keep an answer beyond a mebibyte", async () => {
    const { ask } = countingAnswers();
    await ask("small");
    expect([await ask("large", 1, { bytes: 1024 ** 2 }), await ask("large", 1)]).toEqual([1, 2]);
    expect(await ask("small")).toBe(1);
  });
});
