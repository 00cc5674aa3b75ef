-- Version 4: who a message is from, so that what waits to be signed can be asked for by it.

ALTER TABLE message ADD COLUMN author TEXT NOT NULL DEFAULT '';  -- the address in From; '': not exactly one, or not known yet
