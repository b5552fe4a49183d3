"""Loads the CSV files that a pull is tested with into SQLite files for datasette: load.py FOLDER.

The CSV files come with the package vega_datasets. It is found, not imported: importing it would need pandas.
"""

import csv
import importlib.util
import sqlite3
import sys
from pathlib import Path

DATABASES = {
    "weather": ["seattle-temps", "seattle-weather"],
    "airports": ["airports"],
}
NUMBERS = {"temp", "precipitation", "temp_max", "temp_min", "wind", "latitude", "longitude"}


def csv_path(table: str) -> Path:
    """The CSV file that the table of this name is loaded from."""
    spec = importlib.util.find_spec("vega_datasets")
    if spec is None or spec.origin is None:
        sys.exit("load.py: vega_datasets is not installed here; run scripts/setup and use the Python in target/venv")
    return Path(spec.origin).parent / "_data" / f"{table}.csv"


def load(db: sqlite3.Connection, table: str) -> int:
    """Creates and fills one table; returns the number of its rows."""
    with csv_path(table).open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        header = next(rows)
        columns = ", ".join(f'"{name}" {"REAL" if name in NUMBERS else "TEXT"}' for name in header)
        db.execute(f'CREATE TABLE "{table}" ({columns})')
        marks = ", ".join("?" for _ in header)
        return db.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows).rowcount


def main(folder: Path) -> None:
    for database, tables in DATABASES.items():
        path = folder / f"{database}.db"
        path.unlink(missing_ok=True)
        db = sqlite3.connect(path)
        with db:
            for table in tables:
                print(f"/{database}/{table}.json  {load(db, table)} rows")
        db.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
