/**
 * The tables, in three classes (ARCHITECTURE.md):
 *   log    what happened: written once, never changed
 *   views  what the log amounts to: written by projections only, dropped and rebuilt at will, compared
 *   state  what this machine knows besides: where bytes are, who leases them, when a token was last used, what signs
 *          addresses, how often files were fetched; never compared
 *
 * The texts are SQLite's; `statementFor` says them in PostgreSQL's words.
 */

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
