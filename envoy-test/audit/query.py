"""Runs the queries of a page on a trail and prints what they answer.

    query.py PAGE TRAIL

Queries are the ```sql blocks of PAGE; where they say 'trail.ndjson' they get TRAIL. Every one must
answer something.
"""

import pathlib
import sys

import duckdb


def main():
    page, trail = pathlib.Path(sys.argv[1]).read_text(), sys.argv[2]
    blocks = [block.split("```")[0] for block in page.split("```sql\n")[1:]]
    empty = 0
    for block in blocks:
        rows = duckdb.sql(block.replace("trail.ndjson", trail)).fetchall()
        print(block.strip())
        for row in rows:
            print("   ", *row)
        empty += not rows
    print(f"{len(blocks)} queries, {empty} without an answer")
    sys.exit(1 if empty or not blocks else 0)


main()
