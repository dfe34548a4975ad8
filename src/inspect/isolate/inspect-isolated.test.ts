import { open } from "node:fs/promises";

import { describe, expect, it } from "vitest";

import type { RandomAccess } from "../../base/random-access.ts";
import { bufferAccess, debFile, peFile } from "../inspect-fixtures.ts";
import { inspectArtifact } from "../inspect-artifact.ts";
import { inspectIsolated, runIsolated } from "./inspect-isolated.ts";
import { InspectorThread } from "./inspector-thread.ts";

const options = { nowMs: 0, verify: true };
const deb = { platform: "linux", filename: "a.deb" } as const;

describe("inspection in a thread of its own", () => {
  it("answers as inspection here does", async () => {
    const bytes = bufferAccess(debFile("arm64"));
    expect(await inspectIsolated(bytes, deb, options)).toEqual(await inspectArtifact(bytes, deb, options));
  });

  it("reads a file by its descriptor, without asking for bytes", async () => {
    const file = await open(process.execPath);
    try {
      const bytes: RandomAccess = {
        sizeBytes: (await file.stat()).size,
        fd: file.fd,
        read: () => Promise.reject(new Error("was asked")),
        close: async () => {},
      };
      const declared = { platform: "linux", filename: "node.AppImage" } as const;
      const { findings } = await inspectIsolated(bytes, declared, options);
      expect(findings.map(({ code }) => code)).toEqual(["validation.content_mismatch"]);
    } finally {
      await file.close();
    }
  });

  it("looks at many files at once, each for itself", async () => {
    const arches = ["arm64", "amd64", "armhf", "riscv64", "i386"];
    const inspections = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        inspectIsolated(bufferAccess(debFile(arches[index % 5]!)), deb, options),
      ),
    );
    expect(inspections.map(({ facts }) => facts["native_arch"])).toEqual(
      Array.from({ length: 20 }, (_, index) => arches[index % 5]),
    );
  });

  it("passes on what reading the bytes raises, and works on", async () => {
    const broken: RandomAccess = {
      sizeBytes: 100,
      read: () => Promise.reject(new Error("disk")),
      close: async () => {},
    };
    await expect(inspectIsolated(broken, deb, options)).rejects.toThrow("disk");
    const exe = await inspectIsolated(
      bufferAccess(peFile(0x8664)),
      { platform: "windows", filename: "a.exe" },
      options,
    );
    expect(exe.arch).toBe("x86_64");
  });

  // Bytes that never come stand for a reader that never ends: the thread answers nothing either way.
  it("gives a file up at the deadline, and works on", async () => {
    const silent: RandomAccess = { sizeBytes: 100, read: () => new Promise(() => {}), close: async () => {} };
    const given = await runIsolated(silent, deb, options, 200);
    expect(given).toMatchObject({
      format: "deb",
      status: "failed",
      findings: [{ code: "validation.inspection_timeout", severity: "error" }],
    });
    expect(await inspectIsolated(bufferAccess(debFile("arm64")), deb, options)).toMatchObject({
      arch: "arm64",
    });
  });

  it("makes a fault of its own a finding, and works on", async () => {
    const absurd = { sizeBytes: 100, read: async () => undefined as never, close: async () => {} };
    expect(await inspectIsolated(absurd, deb, options)).toMatchObject({
      status: "failed",
      findings: [{ code: "validation.inspection_crashed", message: expect.stringContaining("TypeError") }],
    });
    expect(await inspectIsolated(bufferAccess(debFile("arm64")), deb, options)).toMatchObject({
      arch: "arm64",
    });
  });

  it("knows that a thread that was killed is gone", async () => {
    const thread = new InspectorThread();
    const asked = Promise.withResolvers<void>();
    const read = (): Promise<Uint8Array> => {
      asked.resolve();
      return new Promise(() => {});
    };
    const inspecting = thread.inspect({ sizeBytes: 100, read, close: async () => {} }, deb, options, 60_000);
    await asked.promise;
    await thread.end();
    expect(await inspecting).toMatchObject({ kind: "crashed" });
    expect(thread.isAlive).toBe(false);
  });
});
