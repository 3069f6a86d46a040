-- What ANALYZE would find in a log of some months. Without it SQLite takes the primary key
-- for every search; with what it finds in a log that has just begun, it might as well.
-- Columns: table, index, and the rows of the index, then those that share its first column,
-- its first two, and so on (SQLite file format, section 2.6.3).

ANALYZE;

DELETE FROM sqlite_stat1;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
	('events', 'events', '10000000 1000000 10 1'),
	('events', 'events_id', '10000000 1000000 1 1 1'),
	('events', 'events_type', '10000000 1000000 50000 10 1'),
	('events', 'events_subject', '10000000 1000000 20 1 1'),
	('events', 'events_unmatched', '100000 10000 1 1'),
	('events', 'events_dead', '10000 1000 1 1'),
	('deliveries', 'deliveries', '20000000 2000000 20 2 1'),
	('deliveries', 'deliveries_endpoint', '20000000 2000000 20000 1 1'),
	('deliveries', 'deliveries_type', '20000000 2000000 100000 10 2 1'),
	('deliveries', 'deliveries_open', '200000 20000 5000 5 2 1'),
	('deliveries', 'deliveries_endpoint_open', '200000 20000 200 100 1 1'),
	('deliveries', 'deliveries_reason', '200000 20000 2000 2 1 1'),
	('deliveries', 'deliveries_code', '200000 20000 2000 2 1 1'),
	('attempts', 'attempts', '25000000 2500000 20 3 2 1 1'),
	('counts', 'counts', '1000000 100000 1000 1'),
	('counts', 'counts_failed', '10000 1000 5 1');

ANALYZE sqlite_schema;
