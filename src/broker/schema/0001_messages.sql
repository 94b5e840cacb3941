-- One row a setting: the epoch of the numbering, and how the last life of this store began and ended.
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- `trimmed` is the newest offset that is forgotten and `trimmed_bytes` the room's bytes up to it, so
-- that numbering goes on where it was even when nothing of a room is kept.
CREATE TABLE rooms (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  trimmed INTEGER NOT NULL DEFAULT 0,
  trimmed_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Messages lie in the order they came in, whatever their room: a commit that touches many rooms then
-- appends to a few pages, where a table ordered by room would rewrite some pages of every room.
-- `total` counts the bytes of the room's bodies up to and including this message. Text that UTF-8
-- cannot hold (lone surrogates) is kept as UTF-16 in a blob; a body is text for JSON, a blob for
-- bytes, and comes last so that the other columns are read without it.
CREATE TABLE messages (
  seq INTEGER PRIMARY KEY,
  room_id INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  at INTEGER NOT NULL,
  total INTEGER NOT NULL,
  id ANY NOT NULL,
  from_id ANY NOT NULL,
  from_name ANY NOT NULL,
  body ANY NOT NULL
) STRICT;

CREATE UNIQUE INDEX messages_by_offset ON messages (room_id, offset);

-- The id comes first: ids that grow with time (UUIDv7) are appended to one place for all rooms.
CREATE UNIQUE INDEX messages_by_id ON messages (id, room_id);
