import { TypeID } from "typeid-js";
import { describe, expect, it } from "vitest";
import type { Clock } from "./clock.ts";
import { ID_PREFIXES, isId, newId } from "./ids.ts";

/** Ids run ahead of clocks that stand still or go back, for the whole process: start beyond the machine's. */
const NOW_MS = Date.now() + 86_400_000;

const clockAt = (epochMs: number): Clock => ({ nowMs: () => epochMs });

describe("newId", () => {
  it.each(ID_PREFIXES)("makes %s ids that TypeID's own reader takes for UUIDs of version 7", (prefix) => {
    const id = newId(prefix);
    expect(isId(prefix, id)).toBe(true);
    expect(TypeID.fromString(id, prefix).toUUID()).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });

  it("carries the clock's time", () => {
    const uuid = TypeID.fromString(newId("app", clockAt(NOW_MS + 5))).toUUID();
    expect(Number.parseInt(uuid.replaceAll("-", "").slice(0, 12), 16)).toBe(NOW_MS + 5);
  });

  // 12 counter bits overflow many times here.
  it("ascends within one millisecond", () => {
    expectAscending(Array.from({ length: 50_000 }, () => newId("art", clockAt(NOW_MS + 10))));
  });

  // A step of the clock, by NTP or by hand. The library's own generator starts over when it is more than ten seconds.
  it("ascends when the clock goes back, and after", () => {
    const offsetsMs = [100_000, 99_999, 0, -3_600_000, 100_001, 100_000_000];
    expectAscending(offsetsMs.map((offsetMs) => newId("rel", clockAt(NOW_MS + offsetMs))));
  });

  it("differs in its random part from ids of the same time and count", () => {
    const randomParts = Array.from({ length: 1000 }, () => newId("tok").slice(-12));
    expect(new Set(randomParts).size).toBe(1000);
  });
});

describe("isId", () => {
  const id = "rel_01h2xcejqtf2nbrexx3vqjhp41";

  it("accepts the one spelling of a TypeID of the kind asked for", () => {
    expect(isId("rel", id)).toBe(true);
    expect(isId("rel", "rel_7zzzzzzzzzzzzzzzzzzzzzzzzz")).toBe(true);
    expect(isId("app", id)).toBe(false);
  });

  it.each([
    ["", "nothing"],
    ["rel", "the prefix alone"],
    ["rel_", "no suffix"],
    ["01h2xcejqtf2nbrexx3vqjhp41", "no prefix"],
    ["REL_01h2xcejqtf2nbrexx3vqjhp41", "a prefix in upper case"],
    ["rel_01H2XCEJQTF2NBREXX3VQJHP41", "a suffix in upper case"],
    ["rel_81h2xcejqtf2nbrexx3vqjhp41", "more than 128 bits"],
    ["rel_01h2xcejqtf2nbrexx3vqjhp4", "25 characters"],
    ["rel_01h2xcejqtf2nbrexx3vqjhp411", "27 characters"],
    ["rel_01h2xcejqtf2nbrexx3vqjhpl1", "a letter that is not in the alphabet"],
    ["rel_01h2xcejqtf2nbrexx3vqjhp41\n", "a line end"],
    ["xrel_01h2xcejqtf2nbrexx3vqjhp41", "a longer prefix"],
    ["rel_../../../../../../etc/passw", "a path"],
  ])("refuses %j: %s", (text) => {
    expect(isId("rel", text)).toBe(false);
  });
});

function expectAscending(ids: readonly string[]): void {
  const descents = ids.filter((id, index) => index > 0 && id <= (ids[index - 1] as string));
  expect(descents).toEqual([]);
}
