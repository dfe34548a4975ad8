import { setImmediate as nextTurn } from "node:timers/promises";

import { expect, test } from "vitest";

import { shareLooks } from "./shared-looks.ts";

test("Those who ask in one turn share a look; it sees what happened until it began", async () => {
  const looks: string[] = [];
  let state = "before";
  const look = shareLooks(async (key) => {
    looks.push(key);
    return `${key} ${state}`;
  });

  const answers = [look("a"), look("b"), look("a")];
  state = "after";

  expect(await Promise.all(answers)).toEqual(["a after", "b after", "a after"]);
  expect(looks).toEqual(["a", "b"]);
});

test("Who asks while a look is under way gets another one: the first may have seen less", async () => {
  const states = ["first", "second"];
  const releases: (() => void)[] = [];
  const look = shareLooks(async () => {
    const seen = states.shift();
    await new Promise<void>((resolve) => releases.push(resolve));
    return seen;
  });

  const early = look("a");
  await nextTurn();
  const late = look("a");
  await nextTurn();
  for (const release of releases) release();

  expect(await early).toBe("first");
  expect(await late).toBe("second");
});

test("A look that fails, fails for all who shared it, and the next is made anew", async () => {
  let isBroken = true;
  const look = shareLooks(async () => {
    if (isBroken) throw new Error("broken");
    return "whole";
  });

  const answers = await Promise.allSettled([look("a"), look("a")]);
  isBroken = false;

  expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await look("a")).toBe("whole");
});
