-- Version 2: the history of accounts can be read.

ALTER TABLE account_revision ADD COLUMN note TEXT NOT NULL DEFAULT '{}';  -- accounts::history::Note as JSON

CREATE INDEX account_revision_account ON account_revision (account, revision);
