export const searchKinds = ["app", "release", "artifact", "package", "file", "token"] as const;
export type SearchKind = (typeof searchKinds)[number];

/** Something that is called, or begins, as was asked for. */
export interface SearchHit {
  readonly kind: SearchKind;
  /** Its id; a file's is that of its package. */
  readonly id: string;
  /** A person's name for it: an app's name, a version with its build, a file name or path, a subject, a token's name. */
  readonly name: string;
  /** The slug; null for what belongs to no app. */
  readonly app: string | null;
  /** The release that it is, or is in. */
  readonly release_id: string | null;
  /** The SHA-256 that begins so, where that was asked for. */
  readonly sha256: string | null;
  /** A release's, package's or token's; that of what it is in otherwise; null for an app. */
  readonly status: string | null;
}

export interface SearchResult {
  readonly query: string;
  /** Artifacts, apps, releases, packages, files, tokens, in this order; at most 20 of a kind. */
  readonly hits: readonly SearchHit[];
  /** Kinds of which there are more. */
  readonly more: readonly SearchKind[];
}
