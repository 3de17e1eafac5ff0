"""`level --pharmacy ID [--apply] [--new]`: levels the load of a pharmacy's days, or says which moves would."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any, TextIO

from medsync_app.clock import Clock, SystemClock
from medsync_app.domain.level import Score
from medsync_app.reads.candidates import candidate_list
from medsync_app.services.plan_pharmacy import (
    Applied,
    LevelMove,
    LevelPreview,
    PharmacyProposal,
    apply_moves,
    preview_level,
    propose_all,
)
from medsync_app.store.repositories.pharmacies import pharmacy_by_name
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database, get_database

_SCOPE = Scope.system("command line")


def run(argv: list[str], _stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Print the moves with the load before and after; --apply makes them, --new plans those not enrolled.

    Exit 1 when a move was refused: the others are made.
    """
    parser = argparse.ArgumentParser(prog="python -m medsync_app level", description=__doc__)
    parser.add_argument("--pharmacy", required=True, help="id or slug of the pharmacy")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--apply", action="store_true", help="make the moves; without it nothing is written")
    what.add_argument(
        "--new", action="store_true", help="propose dates for the candidates, all together; writes nothing"
    )
    options = parser.parse_args(argv)
    db, clock = get_database(), SystemClock()
    with db.reading(_SCOPE, clock) as tx:
        pharmacy_id = pharmacy_by_name(tx, options.pharmacy).id
    if options.new:
        print(json.dumps(_proposal(_propose(db, clock, pharmacy_id))), file=stdout)
        return 0
    with db.reading(_SCOPE.only(pharmacy_id), clock) as tx:
        preview = preview_level(tx, pharmacy_id)
    found = _preview(preview)
    if options.apply:
        done = apply_moves(db, _SCOPE, clock, pharmacy_id, preview.moves)
        found["applied"] = _applied(done)
        if done.refused:
            print(f"{len(done.refused)} moves were refused; they are listed under applied.", file=stderr)
    print(json.dumps(found), file=stdout)
    return 1 if found.get("applied", {}).get("refused") else 0


def _propose(db: Database, clock: Clock, pharmacy_id: str) -> PharmacyProposal:
    with db.reading(_SCOPE.only(pharmacy_id), clock) as tx:
        patients = [row.patient_id for row in candidate_list(tx, size=None).rows]
        return propose_all(tx, pharmacy_id, patients)


def _preview(found: LevelPreview) -> dict[str, Any]:
    return {
        "pharmacy": found.pharmacy_id,
        "today": found.today.isoformat(),
        "capacity": found.capacity,
        "patients": found.patients,
        "kept": dict(found.kept),
        "before": _score(found.before, found.load_before),
        "after": _score(found.after, found.load_after),
        "moves": [_move(move) for move in found.moves],
    }


def _move(move: LevelMove) -> dict[str, Any]:
    return {
        "cycle": move.cycle_id,
        "patient": move.patient_id,
        "from": move.from_date.isoformat(),
        "to": move.to_date.isoformat(),
        "cost_before": asdict(move.before),
        "cost_after": asdict(move.after),
        "messages_withdrawn": move.withdrawn,
        "needs_pharmacist_review": move.needs_review,
    }


def _applied(done: Applied) -> dict[str, Any]:
    refused = [{"cycle": one.cycle_id, "reason": one.reason} for one in done.refused]
    return {"moved": list(done.moved), "refused": refused}


def _proposal(found: PharmacyProposal) -> dict[str, Any]:
    return {
        "pharmacy": found.pharmacy_id,
        "today": found.today.isoformat(),
        "capacity": found.capacity,
        "after": _score(found.score, found.load),
        "patients": [
            {
                "patient": one.patient_id,
                "sync_date": one.sync_date.isoformat() if one.sync_date else None,
                "recommended": one.recommended.isoformat() if one.recommended else None,
                "cost": asdict(one.cost) if one.cost else None,
            }
            for one in found.dates
        ],
    }


def _score(score: Score, load: Mapping[date, int]) -> dict[str, Any]:
    return {
        "without_date": score.without_date,
        "over_capacity": score.over_capacity,
        "sum_of_squares": score.squares,
        "peak": max(load.values(), default=0),
        "load": {day.isoformat(): count for day, count in sorted(load.items()) if count},
    }
