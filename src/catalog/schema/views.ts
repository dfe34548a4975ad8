import type { Dialect } from "../query.ts";
import { statementFor } from "./statement.ts";

export interface ViewDefinition {
  /** Columns and constraints, the inside of `CREATE TABLE name (…)`. */
  readonly columns: string;
  /** Columns of the primary key, in order. */
  readonly key: readonly string[];
  /** Secondary indexes: name → `ON …` part. Replay does without them: it finds rows by their keys. */
  readonly indexes: Readonly<Record<string, string>>;
}

/** What a generation of the views changed. CONTRIBUTING.md says how to write one. */
export interface ViewStep {
  readonly generation: number;
  /**
   * The columns it adds at the end of views, each as it stands in `views`: nullable, so that older versions can go on beside
   * it. Their indexes are not unique. Without it the views are remade from the log, and no older version may use them.
   */
  readonly adds?: { readonly [View in ViewName]?: readonly string[] };
}

/** Every change of the views' columns is a step; forward only, and never edited once released. */
export const viewSteps: readonly ViewStep[] = [
  { generation: 1 },
  { generation: 2 },
  { generation: 3 },
  // Not by adding columns: an older version beside it would collect the icons, which it takes for unreferenced.
  { generation: 4 },
  // A table of sums, and columns that must not be empty: what an older version beside it wrote would not count.
  { generation: 5 },
  // Indexes only: of releases by version and by build.
  { generation: 6, adds: { release: [] } },
];

export const VIEW_GENERATION = viewSteps.at(-1)!.generation;

export const views = {
  app: {
    columns: `
  id                   TEXT PRIMARY KEY,
  slug                 TEXT NOT NULL,
  display_name         TEXT NOT NULL,
  owner                TEXT,
  visibility           TEXT NOT NULL,    -- public, unlisted, private
  allowed_platforms    TEXT NOT NULL,    -- JSON array
  bundle_ids           TEXT NOT NULL,    -- JSON, platform -> bundle identifier
  identity_constraints TEXT NOT NULL,    -- JSON, platform -> signers
  signer_pinning       TEXT NOT NULL,    -- first_use, manual
  ios_mode             TEXT NOT NULL,    -- artifact_only, testflight, enterprise
  testflight_url       TEXT,
  retention_keep       INTEGER NOT NULL, -- 0 keeps every release
  retention_class      TEXT,
  created_at           TEXT NOT NULL,
  updated_at           TEXT NOT NULL,
  last_seq             INTEGER NOT NULL  -- the last event that touched the app or anything of it`,
    key: ["id"],
    indexes: {
      app_slug: "UNIQUE app (slug)",
      app_created: "app (created_at, id)",
    },
  },
  release: {
    columns: `
  id           TEXT PRIMARY KEY,
  app_id       TEXT NOT NULL,
  package_id   TEXT NOT NULL,
  version      TEXT NOT NULL,
  build        TEXT NOT NULL,            -- '' for none
  status       TEXT NOT NULL,            -- draft, published, revoked, deleted
  channel      TEXT,                     -- the channel it was published for
  notes        TEXT,                     -- short notes; long ones stand under notes_sha256
  notes_sha256 TEXT,
  created_by   TEXT NOT NULL,
  created_at   TEXT NOT NULL,
  touched_at   TEXT NOT NULL,            -- a draft's last activity
  published_at TEXT,
  revoked_at   TEXT,
  deleted_at   TEXT,
  was_current  INTEGER NOT NULL          -- 1 once any channel has pointed at it`,
    key: ["id"],
    indexes: {
      release_version: "UNIQUE release (app_id, version, build) WHERE published_at IS NOT NULL",
      release_draft: "release (app_id, version, build) WHERE status = 'draft'",
      release_listed: "release (app_id, created_at, id) WHERE status <> 'deleted'",
      release_never_current:
        "release (app_id, created_at, id) WHERE status = 'published' AND was_current = 0",
      release_drafts: "release (touched_at) WHERE status = 'draft'",
      release_published: "release (published_at, app_id) WHERE published_at IS NOT NULL",
      release_app_published: "release (app_id, published_at) WHERE published_at IS NOT NULL",
      release_for_channel:
        "release (app_id, channel, published_at) WHERE status = 'published' AND channel IS NOT NULL",
      release_of_version: "release (version, published_at) WHERE published_at IS NOT NULL",
      release_of_build: "release (build, published_at) WHERE published_at IS NOT NULL AND build <> ''",
      release_package: "release (package_id)",
      release_notes: "release (notes_sha256) WHERE notes_sha256 IS NOT NULL",
    },
  },
  artifact: {
    columns: `
  id                TEXT PRIMARY KEY,
  app_id            TEXT NOT NULL,
  release_id        TEXT NOT NULL,
  platform          TEXT NOT NULL,
  arch              TEXT NOT NULL,
  format            TEXT NOT NULL,
  filename          TEXT NOT NULL,
  content_type      TEXT NOT NULL,
  path              TEXT NOT NULL,       -- of its file in the release's package
  size_bytes        INTEGER NOT NULL,
  sha256            TEXT NOT NULL,
  blake3            TEXT NOT NULL,
  storage_key       TEXT NOT NULL,       -- = sha256
  metadata          TEXT NOT NULL,       -- JSON: what inspection found, and what the publisher added
  validation_status TEXT NOT NULL,       -- pending, passed, failed
  findings          TEXT NOT NULL,       -- JSON array
  icon_sha256       TEXT,                -- the picture found inside, an object of its own
  icon_content_type TEXT,
  warnings          INTEGER NOT NULL,    -- findings of that severity
  signed_until      TEXT                 -- when the first of its signers' certificates, or its profile, ends`,
    key: ["id"],
    indexes: {
      artifact_attention: "artifact (release_id) WHERE warnings > 0 OR validation_status <> 'passed'",
      artifact_signed_until: "artifact (release_id, signed_until) WHERE signed_until IS NOT NULL",
      artifact_release: "UNIQUE artifact (release_id, platform, arch, format)",
      artifact_digest: "artifact (sha256)",
      artifact_icon: "artifact (icon_sha256) WHERE icon_sha256 IS NOT NULL",
    },
  },
  channel: {
    columns: `
  app_id             TEXT NOT NULL,
  name               TEXT NOT NULL,
  current_release_id TEXT,
  current_seq        INTEGER,            -- the channel_move that made it current
  promote            TEXT NOT NULL,      -- auto, manual
  require_validation INTEGER NOT NULL,
  from_channel       TEXT,               -- promotions must come from this channel
  min_time_seconds   INTEGER NOT NULL,   -- and have been current there for this long
  rollout_percent    INTEGER NOT NULL,
  retention_keep     INTEGER,            -- NULL inherits the app's
  created_at         TEXT NOT NULL,
  updated_at         TEXT NOT NULL,
  PRIMARY KEY (app_id, name)`,
    key: ["app_id", "name"],
    indexes: {
      channel_current: "channel (current_release_id)",
      channel_from: "channel (app_id, name) WHERE from_channel IS NOT NULL",
      channel_guarded:
        "channel (app_id, name) WHERE from_channel IS NULL AND (promote = 'manual' OR require_validation = 1)",
      channel_rollout: "channel (updated_at) WHERE rollout_percent < 100",
    },
  },
  channel_move: {
    columns: `
  seq                 INTEGER PRIMARY KEY, -- of the event
  app_id              TEXT NOT NULL,
  channel             TEXT NOT NULL,
  action              TEXT NOT NULL,       -- promoted, rolled_back
  release_id          TEXT,
  previous_release_id TEXT,
  back_seq            INTEGER,             -- the move a rollback of this one returns to: the history is a linked stack
  rollout_percent     INTEGER NOT NULL,
  actor               TEXT NOT NULL,
  reason              TEXT,
  at                  TEXT NOT NULL`,
    key: ["seq"],
    indexes: {
      channel_move_channel: "channel_move (app_id, channel, seq)",
    },
  },
  channel_release: {
    columns: `
  app_id        TEXT NOT NULL,
  channel       TEXT NOT NULL,
  release_id    TEXT NOT NULL,
  last_seq      INTEGER NOT NULL,        -- the last move that pointed the channel at it
  current_since TEXT,                    -- while it is current
  current_ms    INTEGER NOT NULL,        -- time as current before that, in all
  PRIMARY KEY (app_id, channel, release_id)`,
    key: ["app_id", "channel", "release_id"],
    indexes: {
      channel_release_recent: "channel_release (app_id, channel, last_seq)",
      channel_release_release: "channel_release (release_id)",
    },
  },
  token: {
    columns: `
  id            TEXT PRIMARY KEY,
  name          TEXT NOT NULL,
  token_hash    TEXT NOT NULL,           -- SHA-256 of the secret, which is stored nowhere
  scopes        TEXT NOT NULL,           -- JSON array
  app           TEXT,                    -- limited to this slug
  channel       TEXT,                    -- limited to this channel
  created_by    TEXT NOT NULL,
  created_at    TEXT NOT NULL,
  expires_at    TEXT,
  first_used_at TEXT,
  revoked_at    TEXT`,
    key: ["id"],
    indexes: {
      token_hash: "UNIQUE token (token_hash)",
      token_name: "token (name)",
      token_expires: "token (expires_at) WHERE expires_at IS NOT NULL AND revoked_at IS NULL",
      token_created: "token (created_at, id)",
    },
  },
  share: {
    columns: `
  id          TEXT PRIMARY KEY,
  app_id      TEXT NOT NULL,
  channel     TEXT,                      -- NULL: every channel of the app
  secret_hash TEXT NOT NULL,             -- SHA-256 of the secret, which is stored nowhere
  created_by  TEXT NOT NULL,
  created_at  TEXT NOT NULL,
  expires_at  TEXT NOT NULL,
  revoked_at  TEXT`,
    key: ["id"],
    indexes: {
      share_secret: "UNIQUE share (secret_hash)",
      share_app: "share (app_id, created_at, id)",
    },
  },
  package: {
    columns: `
  id                  TEXT PRIMARY KEY,
  app_id              TEXT,              -- of the release this package is
  kind                TEXT NOT NULL,
  status              TEXT NOT NULL,     -- created, uploading, finalized, deleted, failed
  producer            TEXT,
  subject             TEXT,
  metadata            TEXT NOT NULL,     -- JSON
  retention_class     TEXT,
  retrieval_tier      TEXT NOT NULL,
  manifest_sha256     TEXT,
  manifest_size_bytes INTEGER,
  file_count          INTEGER NOT NULL,
  size_bytes          INTEGER NOT NULL,
  files_seq           INTEGER NOT NULL,  -- the last event that changed its files
  request_key         TEXT,              -- whoever creates with the same key gets this package
  created_at          TEXT NOT NULL,
  finalized_at        TEXT,
  failed_at           TEXT,
  fail_reason         TEXT,
  deleted_at          TEXT`,
    key: ["id"],
    indexes: {
      package_created: "package (created_at, id)",
      package_app: "package (app_id, created_at, id)",
      package_kind: "package (kind, created_at, id)",
      package_status: "package (status, created_at, id)",
      package_producer: "package (producer, created_at, id) WHERE producer IS NOT NULL",
      package_subject: "package (subject, created_at, id) WHERE subject IS NOT NULL",
      package_class: "package (retention_class, created_at, id) WHERE retention_class IS NOT NULL",
      package_key: "package (request_key) WHERE request_key IS NOT NULL",
      package_manifest: "package (manifest_sha256) WHERE manifest_sha256 IS NOT NULL",
    },
  },
  package_usage: {
    columns: `
  app_id            TEXT NOT NULL,       -- of releases; '' for evidence
  retention_class   TEXT NOT NULL,       -- '' for none
  month             TEXT NOT NULL,       -- that they were created in, YYYY-MM
  packages          INTEGER NOT NULL,    -- finalized and not deleted
  size_bytes        INTEGER NOT NULL,
  held_packages     INTEGER NOT NULL,    -- of these, the held ones
  held_bytes        INTEGER NOT NULL,
  eligible_packages INTEGER NOT NULL,    -- and the others that a sweep marked
  eligible_bytes    INTEGER NOT NULL,
  PRIMARY KEY (app_id, retention_class, month)`,
    key: ["app_id", "retention_class", "month"],
    indexes: {},
  },
  package_metadata: {
    columns: `
  package_id TEXT NOT NULL,
  key        TEXT NOT NULL,              -- a top-level key of the metadata whose value is a scalar
  value      TEXT NOT NULL,              -- the value as text; that of a long one is a digest
  created_at TEXT NOT NULL,              -- the package's
  PRIMARY KEY (package_id, key)`,
    key: ["package_id", "key"],
    indexes: {
      package_metadata_value: "package_metadata (key, value, created_at, package_id)",
    },
  },
  package_file: {
    columns: `
  package_id TEXT NOT NULL,
  path       TEXT NOT NULL,
  folded     TEXT NOT NULL,              -- the path without the difference between capital and small letters
  sha256     TEXT NOT NULL,
  blake3     TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  media_type TEXT NOT NULL,
  live       INTEGER NOT NULL,           -- 0 once the package is deleted: its list stays, its bytes may go
  PRIMARY KEY (package_id, path)`,
    key: ["package_id", "path"],
    indexes: {
      package_file_digest: "package_file (sha256, live)",
      package_file_folded: "package_file (package_id, folded)",
    },
  },
  retention_state: {
    columns: `
  package_id         TEXT PRIMARY KEY,
  app_id             TEXT,               -- of the release that the package is
  retention_class    TEXT,               -- NULL for a release without one
  class_expires_at   TEXT,               -- what the class gave; NULL never ends
  current_expires_at TEXT,               -- with extensions; NULL for never, and for a release without either
  active_holds       INTEGER NOT NULL,
  due_at             TEXT,               -- from when on nothing keeps it, as far as the log tells; NULL while something does
  marked_at          TEXT                -- when that was recorded`,
    key: ["package_id"],
    indexes: {
      retention_due: "retention_state (due_at, package_id) WHERE due_at IS NOT NULL",
      retention_unmarked:
        "retention_state (due_at, package_id) WHERE due_at IS NOT NULL AND marked_at IS NULL",
      retention_release_expiry:
        "retention_state (current_expires_at) WHERE app_id IS NOT NULL AND current_expires_at IS NOT NULL",
      retention_due_app: "retention_state (app_id) WHERE app_id IS NOT NULL AND due_at IS NOT NULL",
    },
  },
  retention_extension: {
    columns: `
  seq                 INTEGER PRIMARY KEY, -- of the event
  package_id          TEXT NOT NULL,
  new_expires_at      TEXT NOT NULL,
  previous_expires_at TEXT,
  reason              TEXT NOT NULL,
  actor               TEXT NOT NULL,
  at                  TEXT NOT NULL`,
    key: ["seq"],
    indexes: {
      retention_extension_package: "retention_extension (package_id, seq)",
    },
  },
  hold: {
    columns: `
  id             TEXT PRIMARY KEY,
  package_id     TEXT NOT NULL,
  seq            INTEGER NOT NULL,       -- of the event that applied it
  reason         TEXT NOT NULL,
  case_name      TEXT,
  actor          TEXT NOT NULL,
  applied_at     TEXT NOT NULL,
  released_at    TEXT,
  released_by    TEXT,
  release_reason TEXT`,
    key: ["id"],
    indexes: {
      hold_package: "hold (package_id, seq)",
    },
  },
} as const satisfies Record<string, ViewDefinition>;

export type ViewName = keyof typeof views;
export const viewNames = Object.keys(views) as ViewName[];

/** `CREATE TABLE` of a view under its name or another; `TEMPORARY` shadows the real table on one connection. */
export function createView(
  name: ViewName,
  dialect: Dialect,
  { kind = "", as = name }: { kind?: "" | "TEMPORARY"; as?: string } = {},
): string {
  return statementFor(dialect, `CREATE ${kind} TABLE ${as} (${views[name].columns}\n)`);
}

/** The `CREATE INDEX` statements of a view; those that are there already do nothing. */
export function createIndexes(name: ViewName): string[] {
  return Object.entries<string>(views[name].indexes).map(([index, definition]) => {
    const unique = definition.startsWith("UNIQUE ");
    const on = unique ? definition.slice("UNIQUE ".length) : definition;
    return `CREATE ${unique ? "UNIQUE " : ""}INDEX IF NOT EXISTS ${index} ON ${on}`;
  });
}
