-- Of a minute's attempts those that were HTTP requests, which took is of: to be handed out
-- to whoever pulls is an attempt too. Of what was counted before it is not known.
ALTER TABLE counts ADD COLUMN requests INTEGER NOT NULL DEFAULT 0;

UPDATE counts SET requests = attempts;

CREATE INDEX counts_failed ON counts (tenant, minute, endpoint) WHERE endpoint <> '' AND retried + dead > 0;
