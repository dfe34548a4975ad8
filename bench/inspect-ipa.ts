/** The facts of an IPA of 2 GiB without a pass over it, against `unzip -l`, which reads only its directory. */
import { closeSync, ftruncateSync, openSync, statSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";

import type { RandomAccess } from "../src/base/random-access.ts";
import { inspectArtifact } from "../src/inspect/inspect-artifact.ts";
import {
  bundle,
  type Files,
  makeAppleKeys,
  profile,
  profileContent,
  TEAM,
  under,
} from "../test/support/apple-app.ts";
import { inTemporaryDirectory, median, printPair, timeCommand, timeWork } from "./measure.ts";

const PAIRS = 21;
const LARGE_FILES = 8;
const LARGE_BYTES = 256 * 1024 ** 2;
const SMALL_FILES = 5_000;

await inTemporaryDirectory(async (directory) => {
  const path = join(directory, "acme.ipa");
  writeArchive(path, under("Payload/Acme.app", await makeApp()));
  const gib = statSync(path).size / 1024 ** 3;
  const ours: number[] = [];
  const peer: number[] = [];
  for (let pair = 0; pair < PAIRS; pair += 1) {
    ours.push(await timeWork(() => inspect(path)));
    peer.push(timeCommand("unzip", ["-l", path]));
  }
  printPair(
    `Facts of an IPA of ${gib.toFixed(2)} GiB with ${SMALL_FILES} small files`,
    ours,
    peer,
    "unzip -l, with its start",
  );
  console.log(`at most 300 ms are wanted: ${median(ours) <= 300 ? "met" : "MISSED"}`);
});

async function inspect(path: string): Promise<void> {
  const file = await open(path);
  try {
    const bytes: RandomAccess = {
      sizeBytes: (await file.stat()).size,
      read: async (offset, length) => {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
        return buffer.subarray(0, bytesRead);
      },
      close: async () => {},
    };
    const options = { nowMs: Date.now(), verify: false };
    const { identity, status } = await inspectArtifact(
      bytes,
      { platform: "ios", filename: "a.ipa" },
      options,
    );
    if (identity.id !== "com.acme.app" || status !== "passed") throw new Error("The IPA was not read.");
  } finally {
    await file.close();
  }
}

async function makeApp(): Promise<Files> {
  const keys = await makeAppleKeys();
  try {
    const signer = keys.distribution;
    const files: Record<string, Buffer> = {
      "embedded.mobileprovision": await profile(keys, profileContent(signer, { ProvisionedDevices: ["a"] })),
    };
    for (let index = 0; index < LARGE_FILES; index += 1) files[`large-${index}.bin`] = Buffer.from("large");
    for (let index = 0; index < SMALL_FILES; index += 1) {
      files[`assets/folder-${index % 50}/asset-${index}.json`] = Buffer.from(`{"asset":${index}}`);
    }
    return bundle({
      info: { CFBundleIdentifier: "com.acme.app", CFBundleExecutable: "Acme", CFBundleVersion: "1" },
      program: { codeBytes: 50 * 1024 ** 2 },
      files,
      signature: {
        identifier: "com.acme.app",
        team: TEAM,
        signer,
        chain: [keys.authority],
        pageShift: 14,
        signatureBytes: 256 * 1024,
      },
    });
  } finally {
    await keys.keys.remove();
  }
}

/** A zip archive of stored entries; the large ones are holes in the file. */
function writeArchive(path: string, files: Files): void {
  const output = openSync(path, "w");
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const isLarge = name.includes("/large-");
    const sizeBytes = isLarge ? LARGE_BYTES : content.length;
    const nameBytes = Buffer.from(name);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt32LE(isLarge ? 0 : crc32(content), 10);
    fields.writeUInt32LE(sizeBytes, 14);
    fields.writeUInt32LE(sizeBytes, 18);
    fields.writeUInt16LE(nameBytes.length, 22);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    directory.push(Buffer.from("504b01021403", "hex"), fields, place, nameBytes);
    const header = Buffer.concat([Buffer.from("504b0304", "hex"), fields, nameBytes]);
    writeSync(output, header, 0, header.length, offset);
    if (!isLarge) writeSync(output, content, 0, content.length, offset + header.length);
    offset += header.length + sizeBytes;
  }
  ftruncateSync(output, offset);
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(files).length, 8);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(entries.length, 12);
  end.writeUInt32LE(offset, 16);
  writeSync(output, Buffer.concat([entries, end]), 0, entries.length + 22, offset);
  closeSync(output);
}
