-- Version 1. Times are Unix milliseconds. Forward only: a later version adds a file and a step in migrate.rs.

CREATE TABLE account (
  id       TEXT PRIMARY KEY,
  revision INTEGER NOT NULL,  -- of account_revision; also the etag
  settings TEXT NOT NULL,     -- accounts::Account as JSON, without secrets
  password BLOB               -- sealed, bound to where it may be sent
) STRICT;

-- One row a change. AUTOINCREMENT: a revision is never used again, so an etag cannot come back to life.
CREATE TABLE account_revision (
  revision    INTEGER PRIMARY KEY AUTOINCREMENT,
  account     TEXT NOT NULL,
  at          INTEGER NOT NULL,
  caller_id   TEXT NOT NULL,
  caller_name TEXT NOT NULL,
  fields      TEXT NOT NULL,  -- JSON array of field names
  settings    TEXT            -- after the change; NULL: deleted
) STRICT;

CREATE TABLE policy (
  method TEXT NOT NULL,
  role   TEXT NOT NULL,
  allow  INTEGER NOT NULL,
  PRIMARY KEY (method, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE message (
  seq               INTEGER PRIMARY KEY AUTOINCREMENT,
  id                TEXT NOT NULL UNIQUE,
  account           TEXT NOT NULL,
  caller_id         TEXT NOT NULL,
  caller_name       TEXT NOT NULL,
  request_id        TEXT,
  digest            BLOB NOT NULL,   -- of what the caller gave, to tell a retry from another message
  message_id        TEXT NOT NULL,
  sender            TEXT NOT NULL,
  subject           TEXT NOT NULL,
  size              INTEGER NOT NULL,
  state             INTEGER NOT NULL,
  attempts          INTEGER NOT NULL DEFAULT 0,
  accepted_at       INTEGER NOT NULL,
  next_attempt_at   INTEGER,
  not_before        INTEGER,         -- chosen by the caller
  expires_at        INTEGER NOT NULL,
  finished_at       INTEGER,         -- NULL: unfinished
  last_error        TEXT NOT NULL DEFAULT '',
  last_error_reason TEXT NOT NULL DEFAULT '',
  delivery_status   TEXT NOT NULL DEFAULT '' -- mailer::DeliveryStatus as JSON; '': nothing asked for
) STRICT;

CREATE UNIQUE INDEX message_request ON message (caller_id, request_id) WHERE request_id IS NOT NULL;
CREATE INDEX message_unfinished ON message (state, accepted_at, caller_id, size) WHERE state IN (1, 3);
CREATE INDEX message_caller ON message (caller_id, seq);
CREATE INDEX message_finished ON message (finished_at) WHERE finished_at IS NOT NULL;

-- Apart from its message, whose row changes with every attempt. Missing: a file of the spool, or no longer needed.
CREATE TABLE body (
  message INTEGER PRIMARY KEY REFERENCES message (seq),
  content BLOB NOT NULL
) STRICT;

CREATE TABLE recipient (
  message  INTEGER NOT NULL REFERENCES message (seq),
  position INTEGER NOT NULL,
  address  TEXT NOT NULL,
  state    INTEGER NOT NULL,
  answer   TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (message, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE entry (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  at          INTEGER NOT NULL,
  kind        INTEGER NOT NULL,
  outcome     INTEGER NOT NULL,
  message     TEXT NOT NULL DEFAULT '',
  caller_id   TEXT NOT NULL,
  caller_name TEXT NOT NULL,
  account     TEXT NOT NULL,
  method      TEXT NOT NULL DEFAULT '',
  server      TEXT NOT NULL DEFAULT '',
  sender      TEXT NOT NULL DEFAULT '',
  recipients  TEXT NOT NULL DEFAULT '[]',  -- JSON array of [address, delivered, answer]
  subject     TEXT NOT NULL DEFAULT '',
  size        INTEGER NOT NULL DEFAULT 0,
  attempt     INTEGER NOT NULL DEFAULT 0,
  duration_ms INTEGER NOT NULL DEFAULT 0,
  answer      TEXT NOT NULL DEFAULT '',
  reason      TEXT NOT NULL DEFAULT '',
  tls         TEXT NOT NULL DEFAULT '',
  transcript  TEXT,
  truncated   INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX entry_message ON entry (message) WHERE message <> '';
CREATE INDEX entry_caller ON entry (caller_id, id);
CREATE INDEX entry_at ON entry (at);
