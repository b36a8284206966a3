"""Reads a ledger with Polars or DuckDB; prints the CPU and wall seconds of reading it once."""

import sys
import time

name, path = sys.argv[1:3]
if name == "polars":
    import polars

    read = lambda: polars.read_ndjson(path).height
else:
    import duckdb

    connection = duckdb.connect()
    read = lambda: connection.execute("create or replace table t as select * from read_ndjson_auto(?)", [path]).fetchone()[0]
cpu, wall = time.process_time(), time.perf_counter()
rows = read()
print(time.process_time() - cpu, time.perf_counter() - wall)
assert rows > 0
