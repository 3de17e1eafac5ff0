"""`drugs [--file EXPORT]`: the size of the table of adherence classes, and how much of an export it recognises."""

import argparse
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from medsync_app.clock import SystemClock
from medsync_app.connections.csv.inspect import inspect
from medsync_app.connections.csv.mapping import PRESETS, preset, suggest_mapping
from medsync_app.connections.csv.notes import NoteBook
from medsync_app.connections.csv.reader import Table
from medsync_app.connections.csv.rows import RowParser
from medsync_app.domain.dispensing_row import DispensingRow, RowProblem
from medsync_app.domain.drug_classes import BRANDS, COMBINATIONS, SUBCLASSES, WEIGHT_ONLY_BRANDS, classes_of
from medsync_app.domain.drug_ingredients import KNOWN_INGREDIENTS, PRODUCT_NAMES
from medsync_app.domain.drug_names import parse_drug_name
from medsync_app.domain.participation import looks_like_maintenance
from medsync_app.domain.states import FillStatus
from medsync_app.errors import Invalid

_FILLS = (FillStatus.SOLD, FillStatus.WAITING)


def run(argv: list[str], _stdin: TextIO, stdout: TextIO, _stderr: TextIO) -> int:
    """Print the table's size and, with a file, the shares of its drugs and fills that are recognised, as JSON."""
    parser = argparse.ArgumentParser(prog="python -m medsync_app drugs", description=__doc__)
    parser.add_argument("--file", type=Path, metavar="EXPORT", help="a dispensing export, CSV or Excel")
    parser.add_argument(
        "--preset", help=f"mapping of the columns: {', '.join(sorted(PRESETS))}; guessed without it"
    )
    options = parser.parse_args(argv)
    found: dict[str, Any] = {"table": _table()}
    if options.file is not None:
        if not options.file.is_file():
            raise Invalid("There is no such file.", "file")
        found["sample"] = _sample(options.file, options.preset)
    print(json.dumps(found, ensure_ascii=False, indent=1), file=stdout)
    return 0


def _table() -> dict[str, Any]:
    classes = {
        drug_class.value: {
            "ingredients": sum(map(len, groups.values())),
            "by_group": {group: len(members) for group, members in groups.items()},
            "combinations": sum(drug_class in classes_of(one) for one in COMBINATIONS),
            "brands": sum(drug_class in classes_of(one) for one in BRANDS.values()),
        }
        for drug_class, groups in SUBCLASSES.items()
    }
    return {
        "source": "PQA's medication tables PDC-DR, PDC-RASA and PDC-STA; ingredient names of the FDA Orange Book",
        "classes": classes,
        "weight_only_brands": sorted(WEIGHT_ONLY_BRANDS),
        "ingredients_recognised": len(KNOWN_INGREDIENTS),
        "names_recognised": len(PRODUCT_NAMES),
    }


def _sample(path: Path, preset_name: str | None) -> dict[str, Any]:
    """Names and fills of the rows that an import would use; "chronic": maintenance by the rule of DOMAIN.md
    section 2, and not as needed, for at least one patient.
    """
    unusable = 0
    rows: list[tuple[str, str, int, int, bool]] = []
    with Table(path, inspect(path)) as table:
        mapping = preset(preset_name) if preset_name else suggest_mapping(table.headers)
        parser = RowParser(mapping, table.headers, SystemClock().now().date(), NoteBook())
        for record in table.records():
            found = record if isinstance(record, RowProblem) else parser.parse(record)
            if isinstance(found, RowProblem):
                unusable += 1
            elif isinstance(found, DispensingRow) and found.status in _FILLS:
                rows.append(
                    (
                        found.drug.name, found.patient.key, found.days_supply or 0, found.refills_left or 0,
                        found.as_needed,
                    )
                )  # fmt: skip
    fills = Counter(name for name, *_ in rows)
    known = {name for name in fills if parse_drug_name(name).known}
    return {
        "rows_used": len(rows),
        "rows_not_used": unusable,
        "drugs": _shares(fills, known),
        "chronic_drugs": _shares(_chronic(rows), known),
        "in_a_class": _shares(fills, {name for name in known if parse_drug_name(name).classes}),
        "unknown": [{"drug": name, "fills": fills[name]} for name in sorted(set(fills) - known)],
    }


def _chronic(rows: Iterable[tuple[str, str, int, int, bool]]) -> Counter[str]:
    """The fills of each name by the patients for whom it is a chronic drug."""
    own: dict[tuple[str, str], list[tuple[int, int, bool]]] = {}
    for name, patient, *facts in rows:
        own.setdefault((name, patient), []).append((facts[0], facts[1], bool(facts[2])))
    found: Counter[str] = Counter()
    for (name, _), fills in own.items():
        days_supply, refills, as_needed = (max(one) for one in zip(*fills, strict=True))
        if not as_needed and looks_like_maintenance(
            days_supply=days_supply,
            refills_authorised=refills,
            fills=len(fills),
            acute_drug=parse_drug_name(name).acute,
        ):
            found[name] += len(fills)
    return found


def _shares(fills: Counter[str], known: set[str]) -> dict[str, Any]:
    recognised = [name for name in fills if name in known]
    counted = sum(fills[name] for name in recognised)
    total = sum(fills.values())
    return {
        "names": len(fills),
        "names_recognised": len(recognised),
        "share_of_names": round(len(recognised) / len(fills), 4) if fills else None,
        "fills": total,
        "fills_recognised": counted,
        "share_of_fills": round(counted / total, 4) if total else None,
    }
