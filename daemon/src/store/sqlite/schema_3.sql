-- Version 3: what is known of a message's lines, so that a large one is not read twice for it.

ALTER TABLE message ADD COLUMN seven_bit INTEGER NOT NULL DEFAULT 0;  -- 1: only 7-bit lines that end with CRLF; 0: not known
