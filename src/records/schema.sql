-- Umbrage's evidence, version 1 (PRAGMA user_version). Times are milliseconds since the Unix epoch.

-- A stretch of evidence under one shadow version and one set of rules. The highest number is in force.
CREATE TABLE epoch (
  number          INTEGER PRIMARY KEY, -- counts up
  key             TEXT    NOT NULL,    -- what makes it one epoch: version, shadow address, rules
  started_unix_ms INTEGER NOT NULL,    -- when it began
  version         TEXT                 -- the shadow's version as configured; NULL where none is
);

-- How much of the traffic an epoch's evidence rests on.
CREATE TABLE coverage (
  epoch           INTEGER PRIMARY KEY, -- epoch.number
  json            TEXT    NOT NULL,    -- the report's "coverage" object
  written_unix_ms INTEGER NOT NULL     -- when this row was last written
);

-- Running counts by endpoint.
CREATE TABLE tally (
  epoch           INTEGER NOT NULL,    -- epoch.number
  route           TEXT    NOT NULL,    -- the configured route
  endpoint        TEXT    NOT NULL,    -- method and path template
  compared        INTEGER NOT NULL,    -- pairs of stable and shadow compared
  mismatched      INTEGER NOT NULL,    -- of those, how many differed
  data            TEXT    NOT NULL,    -- the whole tally as JSON
  written_unix_ms INTEGER NOT NULL,    -- when this row was last written
  UNIQUE (epoch, route, endpoint)
);

-- A bounded, rotating set of pairs for each difference signature, redacted. Messages and differences are JSON.
CREATE TABLE sample (
  id              TEXT    NOT NULL UNIQUE, -- /api/v1/samples/{id}
  epoch           INTEGER NOT NULL,    -- epoch.number
  route           TEXT    NOT NULL,    -- the configured route
  endpoint        TEXT    NOT NULL,    -- method and path template
  signature       TEXT    NOT NULL,    -- part:path:kind
  slot            INTEGER NOT NULL,    -- place in the set; a later sample takes it over
  taken_unix_ms   INTEGER NOT NULL,    -- when the pair was made
  request         TEXT    NOT NULL,    -- {line, headers, body{text, length, omitted}}
  stable          TEXT    NOT NULL,    -- the same of stable's answer
  shadow          TEXT    NOT NULL,    -- the same of the shadow's answer
  control         TEXT,                -- the same of control's answer; NULL where it was not asked
  differences     TEXT    NOT NULL,    -- [{path, pointer, part, kind, severity, stable, shadow}]
  UNIQUE (epoch, route, endpoint, signature, slot)
);

-- The oldest samples go first.
CREATE INDEX sample_by_age ON sample (taken_unix_ms);
