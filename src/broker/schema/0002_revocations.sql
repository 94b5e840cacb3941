-- Tokens that are no longer taken, by their `jti`. `until` is when a token runs out by itself, in
-- milliseconds since 1970; NULL is never.
CREATE TABLE revoked_tokens (
  id TEXT PRIMARY KEY,
  until INTEGER
) STRICT, WITHOUT ROWID;

-- Users whose tokens issued before a time, in milliseconds since 1970, are no longer taken.
CREATE TABLE revoked_users (
  user TEXT PRIMARY KEY,
  before INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
