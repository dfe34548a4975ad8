export interface Problem {
  /** Stable dotted code. */
  readonly code: string;
  readonly message: string;
  readonly target: string;
}

/** What an S3-compatible store does; see `docs/reference/configuration.md`. */
export interface StorageAbilities {
  readonly checks_content_md5: boolean;
  readonly conditional_put: boolean;
  readonly ranges: boolean;
  readonly versioning: boolean;
  readonly object_lock: boolean;
}

/** Whether a store works now. */
export interface StoreReadiness {
  readonly problems: readonly Problem[];
  readonly storage: Pick<StoreStatus["storage"], "backend" | "abilities">;
}

export interface StoreStatus {
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  readonly log_id: string;
  readonly head: number;
  readonly schema_version: number;
  readonly database: { readonly engine: string; readonly size_bytes: number };
  readonly storage: {
    readonly backend: string;
    readonly objects: number;
    readonly bytes: number;
    /** What the object store was found to do; null for a directory, and while it does not answer. */
    readonly abilities: StorageAbilities | null;
  };
  readonly counts: {
    readonly apps: number;
    readonly releases: number;
    readonly drafts: number;
    readonly packages: number;
    readonly tokens: number;
  };
}

export interface VerifyReport {
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  /** What cleanup would take away. */
  readonly collectable: readonly {
    readonly id: string;
    readonly kind: "object" | "file" | "staging";
    readonly bytes: number;
  }[];
  readonly checked: {
    readonly events: number;
    readonly objects: number;
    readonly bytes: number;
    readonly references: number;
  };
}

export interface RebuildReport {
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  readonly events: number;
  /** Rows compared, by view. */
  readonly views: { readonly [view: string]: number };
}

export interface CleanupEntry {
  readonly id: string;
  readonly kind: "release" | "draft" | "package" | "object" | "file" | "staging";
  readonly bytes: number;
}

export interface CleanupReport {
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  /** False for a dry run: `deleted` is then what would go. */
  readonly applied: boolean;
  readonly kept: readonly CleanupEntry[];
  readonly deleted: readonly CleanupEntry[];
  /** Why, by id. */
  readonly reasons: { readonly [id: string]: readonly Reason[] };
  readonly next: string | null;
}

/** One reason why something stays or goes. */
export interface Reason {
  /** `channel.current`, `channel.window`, `app.window`, `class`, `draft.open`, `unreferenced`, … */
  readonly rule: string;
  readonly until: string | null;
  /** The channel, hold or package the rule rests on. */
  readonly ref: string | null;
  readonly text: string;
}

/** What a run found to be locked by the object store. */
export interface LockReport {
  /** Objects that it locked, or locked further. */
  readonly objects: number;
  /** Packages of which some objects are not locked as they should be; they are tried again. */
  readonly pending: number;
  /** Why, by object. */
  readonly problems: readonly Problem[];
}

/** Rows of state that moved with a store. */
export interface MovedState {
  readonly signing_keys: number;
  readonly token_uses: number;
  readonly leases: number;
  /** Answers kept for requests that may be sent again. */
  readonly answers: number;
  /** Counts of downloads: by day, app, channel, release and platform. */
  readonly download_days: number;
}

/** A store that stands in another place now, proven to be the same. */
export interface MigrationReport {
  readonly ok: true;
  readonly log_id: string;
  /** The log's last event, and its leaf hash in hex: the same in source and target. */
  readonly head: number;
  readonly leaf_hash: string | null;
  /** Events that this run brought. */
  readonly events: number;
  readonly objects: {
    /** Sent and hashed by this run. */
    readonly copied: number;
    readonly copied_bytes: number;
    /** Of all objects of the store. */
    readonly total: number;
    readonly total_bytes: number;
  };
  readonly state: MovedState;
  /** Uploads in pieces that were under way in the source and stay there. */
  readonly uploads_left: number;
  /** How long nobody could write to the source. */
  readonly write_stop_ms: number;
}

export interface ImportReport {
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  readonly log_id: string;
  readonly events: number;
  readonly objects: { readonly adopted: number; readonly missing: readonly string[] };
}
