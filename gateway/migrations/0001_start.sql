-- Migrations are written in PostgreSQL's words and translated for SQLite (src/db/dialect.rs).

-- @postgres

-- SQLite's json_each for a list in one text parameter, so that one text serves both engines: value ->> 0 is a row's first column.
-- strict keeps it from being inlined, and rows 10 tells the planner that lists are short: with its own guess it scans whole tables.
create function json_each(list text) returns table (key bigint, value jsonb)
    language sql immutable strict parallel safe rows 10
    as $$ select ordinality - 1, value from jsonb_array_elements(list::jsonb) with ordinality $$;
