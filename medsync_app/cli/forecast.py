"""`forecast --pharmacy ID [--days 90]`: batches, drugs and units of the coming days, and renewals to come."""

import argparse
import json
from typing import Any, TextIO

from medsync_app.clock import SystemClock
from medsync_app.reads.forecast import DAYS, Forecast, forecast
from medsync_app.store.repositories.pharmacies import pharmacy_by_name
from medsync_app.store.scope import Scope
from medsync_app.store.session import get_database

_SCOPE = Scope.system("command line")


def run(argv: list[str], _stdin: TextIO, stdout: TextIO, _stderr: TextIO) -> int:
    """Print the forecast of one pharmacy; days without a batch are left out."""
    parser = argparse.ArgumentParser(prog="python -m medsync_app forecast", description=__doc__)
    parser.add_argument("--pharmacy", required=True, help="id or slug of the pharmacy")
    parser.add_argument("--days", type=int, default=DAYS, help=f"days ahead ({DAYS} by default)")
    options = parser.parse_args(argv)
    db, clock = get_database(), SystemClock()
    with db.reading(_SCOPE, clock) as tx:
        pharmacy_id = pharmacy_by_name(tx, options.pharmacy).id
    with db.reading(_SCOPE.only(pharmacy_id), clock) as tx:
        found = forecast(tx, options.days)
    print(json.dumps({"pharmacy": pharmacy_id, **_found(found)}), file=stdout)
    return 0


def _found(found: Forecast) -> dict[str, Any]:
    return {
        "first": found.first.isoformat(),
        "end": found.end.isoformat(),
        "days": [
            {
                "day": one.day.isoformat(),
                "batches": one.batches,
                "drugs": one.drugs,
                "projected_batches": one.projected,
            }
            for one in found.days
            if one.batches
        ],
        "drugs": [
            {
                "drug": one.drug,
                "ndc": one.ndc,
                "units": one.total,
                "fills": one.fills,
                "by_day": {day.isoformat(): units for day, units in sorted(one.units.items())},
            }
            for one in found.drugs
        ],
        "renewals": [
            {
                "by": one.by.isoformat(),
                "drug": one.drug,
                "prescriber": one.prescriber,
                "patient": one.patient_id,
                "requested": one.requested,
            }
            for one in found.renewals
        ],
    }
