import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { openTestStore, outcomeOf, sourceOf, tarGzBytes, type TestStore } from "../support/test-store.ts";

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());

/** Publishes one tar for each arch. */
async function publishArches(...arches: readonly ("universal" | "x86_64" | "arm64" | "riscv64")[]) {
  const artifacts = [];
  for (const arch of arches) {
    const { sha256 } = await test.registry.uploadObject(sourceOf(tarGzBytes(arch)));
    artifacts.push({ platform: "linux", arch, filename: `${arch}.tar.gz`, sha256 } as const);
  }
  await test.registry.publish({ app: "acme", version: `${arches.length}`, channel: "beta", artifacts });
}

const current = async (arch?: "arm64" | "x86") =>
  (await test.registry.currentArtifact("acme", "beta", { platform: "linux", arch })).arch;

describe("the current artifact of a channel", () => {
  it("is the universal one first, then x86_64, arm64, then by name", async () => {
    await publishArches("riscv64", "arm64", "x86_64", "universal");
    expect(await current()).toBe("universal");
    await publishArches("riscv64", "arm64", "x86_64");
    expect(await current()).toBe("x86_64");
    await publishArches("riscv64", "arm64");
    expect(await current()).toBe("arm64");
    await publishArches("riscv64");
    expect(await current()).toBe("riscv64");
  });

  it("is the one asked for, or none", async () => {
    await publishArches("arm64", "x86_64");
    expect(await current("arm64")).toBe("arm64");
    expect(await outcomeOf(current("x86"))).toBe("release.not_found");
  });

  it("is none where the channel points at nothing or is not there", async () => {
    await publishArches("arm64");
    await test.registry.setChannel("acme", "stable", {});
    const asked = { platform: "linux" } as const;
    expect(await outcomeOf(test.registry.currentArtifact("acme", "stable", asked))).toBe("release.not_found");
    expect(await outcomeOf(test.registry.currentArtifact("acme", "none", asked))).toBe("channel.not_found");
  });
});
