import { naturalBytes } from "../../base/text.ts";
import type { Decision } from "../records/status.ts";

/** A channel and the release that a decision is about. */
export interface Subject {
  readonly slug: string;
  readonly name: string;
  readonly id: string;
  readonly version: string;
  readonly build: string;
  readonly since: string;
}

/** What all decisions about a channel and a release say alike. */
export function about({ slug, name, id, version, build, since }: Subject) {
  return {
    ...nothing,
    app: slug,
    channel: name,
    release_id: id,
    version,
    build,
    since,
  } satisfies Partial<Decision>;
}

export const nothing = {
  app: null,
  channel: null,
  release_id: null,
  version: null,
  build: null,
  token_id: null,
  count: null,
  size_bytes: null,
  since: null,
  due_at: null,
} as const;

export function releaseWords({
  version,
  build,
}: {
  readonly version: string;
  readonly build: string;
}): string {
  return build === "" ? version : `${version} (${build})`;
}

export function packagesWords(packages: number, sizeBytes: number): string {
  return `${packages} ${packages === 1 ? "package" : "packages"}, ${naturalBytes(sizeBytes)}`;
}

export function artifactsWords(count: number): string {
  return `${count} ${count === 1 ? "artifact" : "artifacts"}`;
}

/** A time without its seconds, as sentences say it. */
export function timeWords(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;
}
