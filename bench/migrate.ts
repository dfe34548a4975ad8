/**
 * Moving a store of 5 GB from SQLite and a directory to PostgreSQL and a Ceph gateway, and back, against `rclone sync` of the same
 * objects into such a gateway, and back (and `sync`, for a migration is durable). Each way once. Needs 8 GiB of memory and 20 GB of disk.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";

import type { Registry } from "../src/registry/registry.ts";
import { inTemporaryDirectory, printRatePair, program, timeCommand } from "./measure.ts";
import { requirePrograms } from "./servers.ts";
import { environmentOf, rcloneFlags, startGateway, startPostgres } from "./services.ts";
import { prepareStore, tarGz } from "./stores.ts";

/** Many that are small, and some that go in many parts. */
const ARTIFACTS = [
  { count: 1_000, sizeBytes: 1_000_000 },
  { count: 40, sizeBytes: 100_000_000 },
] as const;
const TOTAL_BYTES = ARTIFACTS.reduce((sum, { count, sizeBytes }) => sum + count * sizeBytes, 0);
const MEMORY_GIB = 8;

requirePrograms("ceph-mon", "ceph-osd", "radosgw", "psql", "rclone", "sync");

await inTemporaryDirectory(async (directory) => {
  const source = join(directory, "source");
  await prepareStore(source, publishAll);
  timeCommand("sync", []);

  const ours = migrate(directory, source, await startGateway({ memoryGib: MEMORY_GIB }));
  const peer = copy(directory, source, await startGateway({ memoryGib: MEMORY_GIB }));
  printRatePair("migrate 5 GB to PostgreSQL and RGW", [ours.there], [peer.there], "rclone sync", "MB/s");
  printRatePair("and back", [ours.back], [peer.back], "rclone sync, and sync", "MB/s");
});

async function publishAll(registry: Registry): Promise<void> {
  let version = 0;
  for (const { count, sizeBytes } of ARTIFACTS) {
    const rest = randomBytes(sizeBytes);
    for (let number = 0; number < count; number += 1) {
      version += 1;
      const head = tarGz(`${version} `.padStart(12));
      const bytes = Buffer.concat([head, rest.subarray(head.length)]);
      const { sha256 } = await registry.uploadObject({
        open: async function* () {
          yield bytes;
        },
      });
      await registry.publish({
        app: "acme",
        version: `${version}`,
        channel: "stable",
        artifacts: [{ platform: "linux", filename: "tool.tar.gz", sha256 }],
      });
    }
  }
}

type Gateway = Awaited<ReturnType<typeof startGateway>>;
/** Bytes a second. */
type Rates = { readonly there: number; readonly back: number };

function migrate(directory: string, source: string, objects: Gateway): Rates {
  const middle = join(directory, "middle");
  const env = environmentOf({ database: startPostgres(), objects });
  const between = (from: string, to: string, variables: Readonly<Record<string, string>>) =>
    timeCommand(process.execPath, [program, "store", "migrate", "--from", from, "--to", to], variables);
  const there = between(source, middle, forTarget(env));
  const back = between(middle, join(directory, "back"), env);
  objects.stop();
  return { there: rate(there), back: rate(back) };
}

/** The same variables, for `--to`. */
function forTarget(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name.replace(/^DIST_/, "DIST_TO_"), value]),
  );
}

function copy(directory: string, source: string, objects: Gateway): Rates {
  const [files, bucket] = [join(source, "objects"), `:s3:${objects.bucket}`];
  const back = join(directory, "copied");
  const there = timeCommand("rclone", ["sync", files, bucket, ...rcloneFlags(objects)]);
  const backMs = timeCommand("rclone", ["sync", bucket, back, ...rcloneFlags(objects)]);
  const syncMs = timeCommand("sync", []);
  objects.stop();
  return { there: rate(there), back: rate(backMs + syncMs) };
}

function rate(ms: number): number {
  return TOTAL_BYTES / (ms / 1000);
}
