import { setImmediate as nextTurn } from "node:timers/promises";

import { expect, it } from "vitest";

import { batchLines } from "./batched-lines.ts";

it("hands over the lines of one turn together, in order, each once", async () => {
  const batches: string[] = [];
  const lines = batchLines((batch) => batches.push(batch));
  lines.write("a\n");
  lines.write("b\n");
  expect(batches).toEqual([]);
  await nextTurn();
  lines.write("c\n");
  await nextTurn();
  expect(batches).toEqual(["a\nb\n", "c\n"]);
});

it("hands over at once when it is told to, and not again", async () => {
  const batches: string[] = [];
  const lines = batchLines((batch) => batches.push(batch));
  lines.write("a\n");
  lines.flush();
  lines.flush();
  await nextTurn();
  expect(batches).toEqual(["a\n"]);
});
