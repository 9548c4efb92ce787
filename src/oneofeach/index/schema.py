"""The tables of an index, made in a new file and brought up to date in an older one."""

from __future__ import annotations

import sqlite3

from oneofeach.index.seals import SEALED, seal

APPLICATION = 0x31454F4F  # "OOE1": tells an index from any other SQLite file
SCHEMA = 4
PAGE = 8192
# what a person decided comes first: it is what remains of a file that was cut off
TABLES = """
CREATE TABLE IF NOT EXISTS kept (          -- contents that an applied run kept
    content BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS always_kept (
    content BLOB PRIMARY KEY,
    name TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS no_duplicates (
    one BLOB NOT NULL,
    other BLOB NOT NULL,
    one_name TEXT NOT NULL,
    other_name TEXT NOT NULL,
    PRIMARY KEY (one, other),
    CHECK (one < other)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seal (          -- see seals.py
    name TEXT PRIMARY KEY,
    checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS version (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,             -- fingerprint and decoder: rows of another version are never used
    images INTEGER NOT NULL DEFAULT 0      -- how many there are: tells when some have vanished
) STRICT;
CREATE TABLE IF NOT EXISTS block (         -- images that were stored together: see blocks.py
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again
    version INTEGER NOT NULL REFERENCES version,
    bits BLOB NOT NULL,
    facts BLOB NOT NULL,                   -- FACTS records
    texts TEXT NOT NULL,                   -- notes and errors
    checksum INTEGER NOT NULL              -- CRC-32 of facts, bits and texts
) STRICT;
CREATE TABLE IF NOT EXISTS descriptors (
    block INTEGER PRIMARY KEY REFERENCES block ON DELETE CASCADE,
    bytes BLOB NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS pack (          -- the bits of many blocks once more, in one piece: see packs.py
    id INTEGER PRIMARY KEY,
    version INTEGER NOT NULL REFERENCES version,
    last INTEGER NOT NULL,                 -- all blocks up to this one are packed
    sizes BLOB NOT NULL,                   -- int64[k, 2]: number of a block, and of its images
    bits BLOB NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS image (         -- where a content is
    version INTEGER NOT NULL REFERENCES version,
    content BLOB NOT NULL,                 -- SHA-256 of the file's bytes
    block INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    PRIMARY KEY (version, content)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS file (          -- hints: where a content was last seen, and where its image is
    place TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    content BLOB NOT NULL,
    block INTEGER NOT NULL,                -- of the fingerprint that was used last
    slot INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS file_by_content ON file (content);
CREATE TABLE IF NOT EXISTS matched (       -- sets of images all of whose pairs are known
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    fingerprint TEXT NOT NULL,
    used_at INTEGER NOT NULL,
    images BLOB NOT NULL,                  -- sorted, 16 bytes of each content
    checksum INTEGER NOT NULL,
    pairs INTEGER NOT NULL DEFAULT 0       -- bytes of all its pairs: tells when some have vanished
) STRICT;
CREATE TABLE IF NOT EXISTS pairs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    matched INTEGER NOT NULL REFERENCES matched ON DELETE CASCADE,
    block BLOB NOT NULL,                   -- STORED_PAIR records
    checksum INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS pairs_by_matched ON pairs (matched);
CREATE TABLE IF NOT EXISTS run (           -- what a run left in place: see kept.py
    plan TEXT PRIMARY KEY,                 -- its id
    planned_at INTEGER NOT NULL,
    applied INTEGER NOT NULL,              -- 1 while a step of it is done
    stays BLOB NOT NULL,                   -- contents
    checksum INTEGER NOT NULL
) STRICT;
"""
SINCE_3 = """
ALTER TABLE version ADD COLUMN images INTEGER NOT NULL DEFAULT 0;
ALTER TABLE matched ADD COLUMN pairs INTEGER NOT NULL DEFAULT 0;
UPDATE version SET images = (SELECT count(*) FROM image WHERE image.version = version.id);
UPDATE matched SET pairs = (SELECT coalesce(sum(length(block)), 0) FROM pairs WHERE pairs.matched = matched.id);
"""
LOST_SINCE_2 = "DROP TABLE IF EXISTS descriptor; DROP TABLE IF EXISTS image; DROP TABLE IF EXISTS file;"


def create(connection: sqlite3.Connection) -> None:
    """All tables, unless another process was faster. Images of an older version may be forgotten, decisions never."""
    connection.execute("BEGIN IMMEDIATE")
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found != SCHEMA:
        for statements in (LOST_SINCE_2 if found < 2 else "", TABLES, SINCE_3 if 0 < found < 3 else ""):
            for statement in statements.split(";"):
                connection.execute(statement)
        for name in SEALED:
            seal(connection, name)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
    connection.execute("COMMIT")
