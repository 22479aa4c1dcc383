"""Converts a CSV file to NDJSON with DuckDB, every column as text, on one thread.

The bench compares Orgtap with it. Usage: duck.py CSV_FILE OUTPUT_FILE
"""

import sys

import duckdb

source, target = sys.argv[1:3]
duckdb.sql("SET threads = 1")
duckdb.sql(
    f"COPY (SELECT * FROM read_csv('{source}', header = true, all_varchar = true,"
    f" delim = ',', quote = '\"', escape = '\"')) TO '{target}' (FORMAT json)"
)
