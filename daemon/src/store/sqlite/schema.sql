-- Version 1. Times are Unix milliseconds. Forward only: a later version adds a file and a step in migrate.rs.

CREATE TABLE account (
  id       TEXT PRIMARY KEY,
  revision INTEGER NOT NULL,  -- of account_revision; also the etag
  settings TEXT NOT NULL,     -- accounts::Account as JSON, without secrets
  password BLOB,              -- sealed, bound to where it may be sent
  client_secret BLOB          -- of OAuth 2.0; the same
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
  method   TEXT NOT NULL,
  role     TEXT NOT NULL,
  decision TEXT NOT NULL,  -- allow, deny, approval
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
  delivery_status   TEXT NOT NULL DEFAULT '', -- mailer::DeliveryStatus as JSON; '': nothing asked for
  held_for          TEXT NOT NULL DEFAULT ''  -- why the daemon holds it; empty: it does not, or a caller does
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

-- What waits for an administrator. AUTOINCREMENT: a number means one request for ever.
CREATE TABLE request (
  number      INTEGER PRIMARY KEY AUTOINCREMENT,
  method      TEXT NOT NULL,
  caller_id   TEXT NOT NULL,
  caller_name TEXT NOT NULL,
  role        TEXT NOT NULL,             -- of the caller, when he asked
  created_at  INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL,
  summary     TEXT NOT NULL,
  effects     TEXT NOT NULL,             -- certs::Effect as JSON
  digest      BLOB NOT NULL,             -- SHA-256 of the action
  action      BLOB,                      -- sealed, bound to all of the above; NULL: no longer needed
  state       INTEGER NOT NULL,
  decider_id     TEXT NOT NULL DEFAULT '',
  decider_name   TEXT NOT NULL DEFAULT '',
  decided_at     INTEGER,
  decision_text  TEXT NOT NULL DEFAULT '',
  ended_at       INTEGER,                -- NULL: pending, or being carried out
  outcome_reason TEXT NOT NULL DEFAULT '',
  outcome_text   TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX request_open ON request (caller_id) WHERE ended_at IS NULL;
CREATE INDEX request_expires ON request (expires_at) WHERE state = 1;
CREATE INDEX request_caller ON request (caller_id, number);
CREATE INDEX request_ended ON request (ended_at) WHERE ended_at IS NOT NULL;

-- Privileged actions, tried, done or refused.
CREATE TABLE audit (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  at          INTEGER NOT NULL,
  caller_id   TEXT NOT NULL,
  caller_name TEXT NOT NULL,
  role        TEXT NOT NULL,
  origin      TEXT NOT NULL,
  method      TEXT NOT NULL,
  target      TEXT NOT NULL,
  outcome     INTEGER NOT NULL,
  reason      TEXT NOT NULL,
  request     INTEGER NOT NULL
) STRICT;

CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_method ON audit (method, id);
CREATE INDEX audit_caller ON audit (caller_id, id);

-- What somebody's sign-in with OAuth 2.0 brought: one an account. AUTOINCREMENT: tokens that come late for an earlier
-- sign-in must not land in a later one.
CREATE TABLE oauth_grant (
  id                 INTEGER PRIMARY KEY AUTOINCREMENT,
  account            TEXT NOT NULL UNIQUE,
  flow               INTEGER NOT NULL,
  requested_scope    TEXT NOT NULL,
  scope              TEXT NOT NULL,     -- granted
  caller_id          TEXT NOT NULL,
  caller_name        TEXT NOT NULL,
  signed_in_at       INTEGER NOT NULL,
  access_token       BLOB,              -- sealed, bound to client, endpoints and server
  access_at          INTEGER NOT NULL,  -- when it came
  access_expires_at  INTEGER NOT NULL,
  refresh_token      BLOB,              -- the same; NULL: there is none
  refresh_at         INTEGER,           -- when it came
  refresh_expires_at INTEGER,           -- as far as that is known
  refreshed_at       INTEGER,           -- last success
  lost               INTEGER NOT NULL DEFAULT 0,  -- 1: the grant is over; 2: the client is refused
  error_code         TEXT NOT NULL DEFAULT '',
  error_text         TEXT NOT NULL DEFAULT '',
  advice             TEXT NOT NULL DEFAULT ''
) STRICT;
