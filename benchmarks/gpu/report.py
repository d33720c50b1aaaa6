"""What is printed is what is saved: Markdown made of a part's record, and one JSON file of all records."""
import json
import re
import time
from pathlib import Path

from .. import harness
from .chosen import DAY


def cell(value) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "/")


def table(rows: list[dict]) -> list[str]:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [[cell(row.get(column)) for column in columns] for row in rows]
    return [f"| {' | '.join(line)} |" for line in (columns, ["---"] * len(columns), *lines)] if rows else []


def section(record: dict) -> str:
    """One part: its table, then a line for each thing that is wrong or was left out."""
    return "\n".join([f"\n## {record['title']} ({record['seconds']:.0f} s)\n", *table(record["rows"]),
                      *(f"- FAILED: {line}" for line in record["failed"]),
                      *(f"- not run: {line}" for line in record["left out"])])


def overview(records: dict[str, dict]) -> str:
    rows = [{"part": name, "seconds": record["seconds"], "rows": len(record["rows"]),
             "not run": len(record["left out"]), "failed": len(record["failed"])} for name, record in records.items()]
    return "\n".join(["\n## All parts\n", *table(rows)])


def slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "gpu"


def save(folder: Path, records: dict[str, dict]) -> Path:
    """<name of the GPU>-<day>.json; the name is that of the first part's row `device`."""
    rows = [row for record in records.values() for row in record["rows"] if row.get("what") == "device"]
    path = folder / f"{slug(rows[0]['is'] if rows else 'gpu')}-{DAY}.json"
    folder.mkdir(parents=True, exist_ok=True)
    text = {"machine": harness.machine(), "date": DAY, "time": time.strftime("%H:%M:%S"), "parts": records}
    path.write_text(json.dumps(text, indent=1) + "\n")
    return path
