-- Written for SQLite. For PostgreSQL schema.go replaces the types and WITHOUT ROWID.
-- accepted is in milliseconds since 1970, time in microseconds, at, asked and next in
-- nanoseconds; 0 is none. took is in nanoseconds, but for counts: microseconds.
-- An index ends in what a page of its query is ordered by.

CREATE TABLE events (
	tenant   TEXT NOT NULL,
	accepted INTEGER NOT NULL,
	sequence INTEGER NOT NULL,
	id       TEXT NOT NULL,
	source   TEXT NOT NULL,
	type     TEXT NOT NULL,
	subject  TEXT NOT NULL,
	time     INTEGER NOT NULL,
	size     INTEGER NOT NULL,
	trace    TEXT NOT NULL,
	matched  INTEGER NOT NULL,
	dead     TEXT NOT NULL,
	detail   TEXT NOT NULL,
	PRIMARY KEY (tenant, accepted, sequence)
) WITHOUT ROWID;

CREATE INDEX events_id ON events (tenant, id, accepted, sequence);

CREATE INDEX events_type ON events (tenant, type, accepted, sequence);

CREATE INDEX events_subject ON events (tenant, subject, accepted, sequence) WHERE subject <> '';

CREATE INDEX events_unmatched ON events (tenant, accepted, sequence) WHERE matched = 0;

CREATE INDEX events_dead ON events (tenant, accepted, sequence) WHERE dead <> '';

CREATE TABLE deliveries (
	tenant      TEXT NOT NULL,
	accepted    INTEGER NOT NULL,
	sequence    INTEGER NOT NULL,
	endpoint    TEXT NOT NULL,
	type        TEXT NOT NULL,
	status      TEXT NOT NULL,
	attempts    INTEGER NOT NULL,
	last_asked  INTEGER NOT NULL,
	last_at     INTEGER NOT NULL,
	last_number INTEGER NOT NULL,
	code        INTEGER NOT NULL,
	reason      TEXT NOT NULL,
	next        INTEGER NOT NULL,
	PRIMARY KEY (tenant, accepted, sequence, endpoint)
) WITHOUT ROWID;

CREATE INDEX deliveries_endpoint ON deliveries (tenant, endpoint, accepted, sequence);

CREATE INDEX deliveries_type ON deliveries (tenant, type, accepted, sequence, endpoint);

CREATE INDEX deliveries_open ON deliveries (tenant, status, accepted, sequence, endpoint) WHERE status <> 'delivered';

CREATE INDEX deliveries_endpoint_open ON deliveries (tenant, endpoint, status, accepted, sequence) WHERE status <> 'delivered';

CREATE INDEX deliveries_reason ON deliveries (tenant, reason, accepted, sequence, endpoint) WHERE reason > '' AND reason <> 'ok';

CREATE INDEX deliveries_code ON deliveries (tenant, code, accepted, sequence, endpoint) WHERE code >= 300;

CREATE TABLE attempts (
	tenant     TEXT NOT NULL,
	accepted   INTEGER NOT NULL,
	sequence   INTEGER NOT NULL,
	endpoint   TEXT NOT NULL,
	at         INTEGER NOT NULL,
	number     INTEGER NOT NULL,
	took       INTEGER NOT NULL,
	code       INTEGER NOT NULL,
	outcome    TEXT NOT NULL,
	reason     TEXT NOT NULL,
	cause      TEXT NOT NULL,
	detail     TEXT NOT NULL,
	next       INTEGER NOT NULL,
	asked      INTEGER NOT NULL,
	dispatcher TEXT NOT NULL,
	exchange   TEXT NOT NULL,
	PRIMARY KEY (tenant, accepted, sequence, endpoint, at, number)
) WITHOUT ROWID;

CREATE TABLE counts (
	tenant    TEXT NOT NULL,
	endpoint  TEXT NOT NULL,
	minute    INTEGER NOT NULL,
	accepted  INTEGER NOT NULL,
	matched   INTEGER NOT NULL,
	attempts  INTEGER NOT NULL,
	delivered INTEGER NOT NULL,
	retried   INTEGER NOT NULL,
	dead      INTEGER NOT NULL,
	took      INTEGER NOT NULL,
	PRIMARY KEY (tenant, endpoint, minute)
) WITHOUT ROWID;

-- The one row says how far in LOG the tables have come; stream is when LOG was made.
-- Emptying is 1 from when a rebuild is asked for until the tables are empty.
CREATE TABLE progress (
	one      INTEGER PRIMARY KEY,
	stream   TEXT NOT NULL,
	position INTEGER NOT NULL,
	unread   INTEGER NOT NULL,
	emptying INTEGER NOT NULL
);

INSERT INTO progress (one, stream, position, unread, emptying) VALUES (1, '', 0, 0, 0);
