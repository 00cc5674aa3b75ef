-- Version 5: everything can be moved to another store, and it is known where it went.

CREATE TABLE migration (
  one   INTEGER PRIMARY KEY CHECK (one = 1),
  role  TEXT NOT NULL,    -- moving::mark::Role
  run   TEXT NOT NULL,    -- the same in both stores
  other TEXT NOT NULL,    -- the other store, for people
  at    INTEGER NOT NULL  -- when it came to this
) STRICT;
