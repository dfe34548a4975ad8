import type { Dialect } from "./query.ts";

/**
 * The tables, in three classes (ARCHITECTURE.md):
 *   log    what happened: written once, never changed
 *   views  what the log amounts to: written by projections only, dropped and rebuilt at will, compared
 *   state  what this machine knows besides: where bytes are, who leases them, when a token was last used, what signs
 *          addresses, how often files were fetched; never compared
 *
 * The texts are SQLite's; `statementFor` says them in PostgreSQL's words.
 */

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

/**
 * A statement of the schema as the engine has it. Integers are as wide as SQLite's, and text sorts by its bytes as there,
 * whatever the database's own collation: pages, digest order and exports are the same on both.
 */
export function statementFor(dialect: Dialect, statement: string): string {
  if (dialect === "sqlite") return statement;
  return statement
    .replaceAll(/\bINTEGER\b/g, "BIGINT")
    .replaceAll(/\bBLOB\b/g, "BYTEA")
    .replaceAll(/\bTEXT\b/g, 'TEXT COLLATE "C"');
}

/** One step of the schema: log and state. Forward only; never edited once released. */
export interface Migration {
  readonly version: number;
  /** Whether versions that do not know it can go on beside it: it adds tables, indexes or nullable columns. */
  readonly compatible?: boolean;
  readonly statements: readonly string[];
}

export const migrations: readonly Migration[] = [
  {
    version: 1,
    statements: [
      `CREATE TABLE event (                  -- the log: every change, in commit order
  seq       INTEGER PRIMARY KEY,         -- no gaps
  type      TEXT NOT NULL,
  at        TEXT NOT NULL,
  actor     TEXT NOT NULL,
  subject   TEXT NOT NULL,               -- the id of what changed
  app_id    TEXT,                        -- the app it belongs to
  data      TEXT NOT NULL,               -- JSON, for people and filters; bytes are the truth
  bytes     BLOB NOT NULL,               -- the event as canonical CBOR
  leaf_hash BLOB NOT NULL                -- SHA-256(0x00 || bytes), RFC 6962
)`,
      "CREATE INDEX event_type ON event (type, seq)",
      "CREATE INDEX event_actor ON event (actor, seq)",
      "CREATE INDEX event_subject ON event (subject, seq)",
      "CREATE INDEX event_app ON event (app_id, seq) WHERE app_id IS NOT NULL",
      "CREATE INDEX event_at ON event (at, seq)",
      `CREATE VIEW audit_event AS
  SELECT seq AS id, at AS created_at, actor, substr(type, 4) AS action, subject AS target_id, data AS metadata
  FROM event`,
      `CREATE TABLE log_head (               -- one row; taking it is taking the write lock
  id      INTEGER PRIMARY KEY CHECK (id = 1),
  log_id  TEXT NOT NULL,                 -- the log's identity; moves with an export
  head    INTEGER NOT NULL,              -- the last event's seq
  last_at TEXT NOT NULL                  -- and its time
)`,
      `CREATE TABLE storage_location (       -- state: where an object's bytes are
  sha256       TEXT PRIMARY KEY,
  blake3       TEXT NOT NULL,
  size_bytes   INTEGER NOT NULL,
  backend      TEXT NOT NULL,
  physical_key TEXT NOT NULL,
  tier         TEXT NOT NULL,
  status       TEXT NOT NULL,            -- present, deleting
  generation   INTEGER NOT NULL          -- seq of the v1.object.stored that made it
)`,
      `CREATE TABLE lease (                  -- state: an upload's bytes, safe until something refers to them
  sha256     TEXT NOT NULL,
  principal  TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  PRIMARY KEY (sha256, principal)
)`,
      "CREATE INDEX lease_expires ON lease (expires_at)",
      `CREATE TABLE token_use (              -- state: exact to a minute
  token_id     TEXT PRIMARY KEY,
  last_used_at TEXT NOT NULL
)`,
    ],
  },
  {
    version: 2,
    statements: [
      `CREATE TABLE idempotency_key (       -- state: what was answered to a request that may be sent again
  id             TEXT PRIMARY KEY,       -- SHA-256 over principal, route and key
  request_sha256 TEXT NOT NULL,          -- of the body it was sent with
  answer         TEXT NOT NULL,          -- JSON, without secrets
  expires_at     TEXT NOT NULL
)`,
      "CREATE INDEX idempotency_key_expires ON idempotency_key (expires_at)",
    ],
  },
  {
    version: 3,
    statements: [
      `CREATE TABLE upload_session (         -- state: uploads that arrive in pieces
  id           TEXT PRIMARY KEY,
  principal    TEXT NOT NULL,            -- whose it is
  size_bytes   INTEGER NOT NULL,         -- as declared
  offset_bytes INTEGER NOT NULL,         -- durable and acknowledged up to here
  epoch        INTEGER NOT NULL,         -- counts its writers: only the last one moves the offset
  metadata     TEXT,                     -- the client's own words, given back as they came
  status       TEXT NOT NULL,            -- open, complete, expired
  sha256       TEXT,                     -- of the whole, once complete
  existed      INTEGER,                  -- whether the caller could have known the bytes
  expires_at   TEXT NOT NULL
)`,
      "CREATE INDEX upload_session_expires ON upload_session (status, expires_at)",
      `CREATE TABLE upload_part (            -- state: where the bytes of an open session are
  session_id  TEXT NOT NULL,
  start_bytes INTEGER NOT NULL,          -- the part's place in the upload
  size_bytes  INTEGER NOT NULL,          -- how much of its staging counts
  staging_id  TEXT NOT NULL,
  PRIMARY KEY (session_id, start_bytes)
)`,
      "CREATE UNIQUE INDEX upload_part_staging ON upload_part (staging_id)",
    ],
  },
  {
    version: 4,
    statements: [
      `CREATE TABLE signing_key (            -- state: made on first use; dropping a row ends all that it signed
  id         TEXT PRIMARY KEY,           -- what it signs: links
  secret     BLOB NOT NULL,              -- 32 random bytes, for HMAC-SHA256
  created_at TEXT NOT NULL
)`,
    ],
  },
  {
    version: 5,
    statements: [
      `CREATE TABLE job (                    -- state: background work, done by one process at a time
  name        TEXT PRIMARY KEY,
  holder      TEXT,                      -- the process that runs it; NULL for none
  lease_until TEXT,                      -- from then on another may take it
  started_at  TEXT,                      -- the last run
  finished_at TEXT                       -- and its end; NULL when it has not come to one
)`,
    ],
  },
  {
    version: 6,
    statements: [
      `CREATE TABLE node (                   -- state: servers of the store, each as long as it shows itself
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL,              -- for people: host and process
  version    INTEGER NOT NULL,           -- the newest migration it knows
  generation INTEGER NOT NULL,           -- and the newest generation of views
  seen_at    TEXT NOT NULL
)`,
      // The oldest version and generation that may use the store, and the one whose columns every row has.
      "ALTER TABLE schema_version ADD COLUMN compatible_version INTEGER NOT NULL DEFAULT 0",
      "ALTER TABLE schema_version ADD COLUMN compatible_generation INTEGER NOT NULL DEFAULT 0",
      "ALTER TABLE schema_version ADD COLUMN filled_generation INTEGER NOT NULL DEFAULT 0",
    ],
  },
  {
    version: 7,
    compatible: true,
    statements: [
      `CREATE TABLE retention_sweep (        -- state: one row: how far the last sweep looked
  id  INTEGER PRIMARY KEY CHECK (id = 1),
  seq INTEGER NOT NULL,                  -- the log's head then
  at  TEXT NOT NULL                      -- and the time that it judged by
)`,
    ],
  },
  {
    version: 8,
    compatible: true,
    statements: [
      // What the object store has locked of an object, and until when; NULL for nothing.
      "ALTER TABLE storage_location ADD COLUMN locked_version TEXT",
      "ALTER TABLE storage_location ADD COLUMN locked_until TEXT",
      `CREATE TABLE package_lock (           -- state: packages whose bytes the object store is to keep
  package_id   TEXT PRIMARY KEY,
  locked_until TEXT,                     -- all of its bytes, at least; NULL while some are not
  renew_at     TEXT                      -- when it is to be looked at again; NULL for never
)`,
      "CREATE INDEX package_lock_renewal ON package_lock (renew_at, package_id) WHERE renew_at IS NOT NULL",
      `CREATE TABLE lock_mirror (            -- state: one row: how far locks follow the log
  id  INTEGER PRIMARY KEY CHECK (id = 1),
  seq INTEGER NOT NULL
)`,
    ],
  },
  {
    version: 9,
    compatible: true,
    statements: [
      `CREATE TABLE download_day (           -- state: how often files were fetched; nothing of who did
  day        TEXT NOT NULL,              -- UTC, YYYY-MM-DD
  app_id     TEXT NOT NULL,
  channel    TEXT NOT NULL,              -- by which the visitor came; '' when that is not known
  release_id TEXT NOT NULL,
  platform   TEXT NOT NULL,
  count      INTEGER NOT NULL,
  PRIMARY KEY (app_id, day, channel, release_id, platform)
)`,
      "CREATE INDEX storage_location_size ON storage_location (size_bytes)",
      "CREATE INDEX download_day_day ON download_day (day)",
      `CREATE TABLE download_app_day (       -- state: the sums of download_day by app
  day    TEXT NOT NULL,
  app_id TEXT NOT NULL,
  count  INTEGER NOT NULL,
  PRIMARY KEY (day, app_id)
)`,
      "CREATE INDEX download_app_day_count ON download_app_day (day, app_id, count)",
    ],
  },
  {
    version: 10,
    compatible: true,
    statements: [
      `CREATE TABLE session (                -- state: who is signed in to the console
  id             TEXT PRIMARY KEY,
  secret_hash    TEXT NOT NULL,          -- SHA-256 of what the browser keeps
  previous_hash  TEXT,                   -- of what it kept before
  previous_until TEXT,                   -- until when that is taken, too
  rotated_at     TEXT NOT NULL,
  csrf_key       TEXT NOT NULL,          -- proves that a form came from the session's own pages
  token_id       TEXT,                   -- the token it was made from and ends with; NULL for a person
  actor          TEXT NOT NULL,          -- token:NAME or user:SUBJECT
  scopes         TEXT NOT NULL,          -- JSON array
  app            TEXT,
  channel        TEXT,
  user_agent     TEXT,
  created_at     TEXT NOT NULL,
  last_seen_at   TEXT NOT NULL,          -- exact to a minute
  expires_at     TEXT NOT NULL,
  seen_seq       INTEGER,                -- the event up to which the overview was looked at
  seen_at        TEXT
)`,
      "CREATE UNIQUE INDEX session_secret ON session (secret_hash)",
      "CREATE INDEX session_previous ON session (previous_hash) WHERE previous_hash IS NOT NULL",
      "CREATE INDEX session_actor ON session (actor, created_at)",
      "CREATE INDEX session_expires ON session (expires_at)",
    ],
  },
];
