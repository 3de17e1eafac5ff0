"""`workflow show|publish|versions|diff|rollback|move|dry-run|schema`: a pharmacy's workflow as a document, as JSON."""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from medsync_app.clock import SystemClock
from medsync_app.domain.local_time import local
from medsync_app.domain.workflow_diff import Change, differences
from medsync_app.domain.workflow_fields import workflow_schema
from medsync_app.engine.dry_run import dry_run
from medsync_app.engine.wiring import connections_from
from medsync_app.errors import Invalid
from medsync_app.reads.dry_run import NotSent, Sent
from medsync_app.services.ensure_workflow import workflow_for
from medsync_app.services.workflow_versions import move_cycles, publish_workflow, roll_back_workflow
from medsync_app.settings import get_settings
from medsync_app.store.repositories import cycles, workflows
from medsync_app.store.repositories.pharmacies import pharmacy_by_name
from medsync_app.store.scope import Scope
from medsync_app.store.session import Tx, get_database
from medsync_app.store.tables import Pharmacy

_SCOPE = Scope.system("command line")


def run(argv: list[str], stdin: TextIO, stdout: TextIO, _stderr: TextIO) -> int:
    """Show or change a workflow; a document that cannot be used is refused with step and field."""
    options = _parser().parse_args(argv)
    if options.command == "schema":
        result: Any = workflow_schema()
    elif options.command == "dry-run":
        result = _dry_run(options, stdin)
    else:
        document: Any = _document(options.file, stdin) if options.command == "publish" else None
        with get_database().transaction(_SCOPE, SystemClock()) as tx:
            pharmacy = pharmacy_by_name(tx, options.pharmacy)
            workflow_for(tx, pharmacy.id)
            result = _COMMANDS[options.command](tx, pharmacy, options, document)
    print(json.dumps(result, indent=1, sort_keys=options.command == "schema", default=str), file=stdout)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m medsync_app workflow", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    added = {
        name: commands.add_parser(name, help=words)
        for name, words in (
            ("show", "the document of a version"), ("publish", "put a document in force for new cycles"),
            ("versions", "list the versions"), ("diff", "what differs between two versions, field by field"),
            ("rollback", "put an old version in force again, as a new one"),
            ("move", "let running cycles go on under the version in force"),
            ("dry-run", "what would be sent in the days to come, without sending"),
        )
    }  # fmt: skip
    for one in added.values():
        one.add_argument("--pharmacy", required=True, help="id or slug")
    added["show"].add_argument("--version", type=int, help="its number; the version in force when left out")
    added["publish"].add_argument("file", help="a JSON file, or - for standard input")
    added["publish"].add_argument("--expect", type=int, help="refuse unless this version is in force")
    added["publish"].add_argument("--note", default="", help="why, for colleagues")
    added["diff"].add_argument("before", type=int, help="number of a version")
    added["diff"].add_argument("after", type=int, help="number of a version")
    added["rollback"].add_argument("version", type=int, help="number of the version to go back to")
    added["dry-run"].add_argument("--days", type=int, required=True, help="how many days to look ahead")
    added["dry-run"].add_argument("--patient", help="id of the one patient to show")
    added["dry-run"].add_argument("--version", type=int, help="apply this version to the running cycles")
    added["dry-run"].add_argument("--file", help="apply this document, which need not be published, or -")
    commands.add_parser("schema", help="the JSON schema of workflow documents")
    return parser


def _document(file: str, stdin: TextIO) -> Any:
    try:
        text = stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as error:
        raise Invalid(f"The file cannot be read: {error.strerror}.", "file") from error
    except (ValueError, RecursionError) as error:
        raise Invalid(
            "This is no JSON document in UTF-8. `workflow show` prints one to begin with.", "file"
        ) from error


def _show(tx: Tx, pharmacy: Pharmacy, options: argparse.Namespace, _: Any) -> Any:
    number = options.version
    if number is None:
        return workflows.versions_of(tx, pharmacy.id)[0].document
    return workflows.version_numbered(tx, pharmacy.id, number).document


def _publish(tx: Tx, pharmacy: Pharmacy, options: argparse.Namespace, document: Any) -> Any:
    done = publish_workflow(tx, pharmacy.id, document, expected_number=options.expect, note=options.note)
    return {"version": done.number, "changes": _changes(done.changes)}


def _versions(tx: Tx, pharmacy: Pharmacy, _options: argparse.Namespace, _: Any) -> Any:
    running = workflows.cycles_by_version(tx, cycles.open_ids_of_pharmacy(tx, pharmacy.id))
    return [
        {
            "version": row.number, "published_at": row.created_at.isoformat(), "published_by": row.created_by,
            "note": row.note, "running_cycles": running.get(row.id, 0),
        }
        for row in workflows.versions_of(tx, pharmacy.id)
    ]  # fmt: skip


def _diff(tx: Tx, pharmacy: Pharmacy, options: argparse.Namespace, _: Any) -> Any:
    before, after = (workflows.version_numbered(tx, pharmacy.id, n) for n in (options.before, options.after))
    return _changes(differences(before.document, after.document))


def _rollback(tx: Tx, pharmacy: Pharmacy, options: argparse.Namespace, _: Any) -> Any:
    done = roll_back_workflow(tx, pharmacy.id, options.version)
    return {"version": done.number, "changes": _changes(done.changes)}


def _move(tx: Tx, pharmacy: Pharmacy, _options: argparse.Namespace, _: Any) -> Any:
    return asdict(move_cycles(tx, pharmacy.id))


def _dry_run(options: argparse.Namespace, stdin: TextIO) -> Any:
    database, clock = get_database(), SystemClock()
    with database.reading(_SCOPE, clock) as tx:
        pharmacy_id = pharmacy_by_name(tx, options.pharmacy).id
    found = dry_run(
        database, clock, pharmacy_id, days=options.days, channels=connections_from(get_settings()).keys(),
        patient_id=options.patient, version=options.version,
        document=_document(options.file, stdin) if options.file else None,
    )  # fmt: skip
    return {
        "since": local(found.since, found.zone).isoformat(), "until": local(found.until, found.zone).isoformat(),
        "messages": [_told(one, found.zone) for one in found.sent],
        "not_sent": [_told(one, found.zone) for one in found.not_sent],
    }  # fmt: skip


def _told(one: Sent | NotSent, zone: str) -> dict[str, Any]:
    """A message with its time as the pharmacy's clock shows it."""
    return asdict(one) | {"at": local(one.at, zone).isoformat()}


def _changes(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [asdict(change) for change in changes]


_COMMANDS: dict[str, Callable[[Tx, Pharmacy, argparse.Namespace, Any], Any]] = {
    "show": _show, "publish": _publish, "versions": _versions, "diff": _diff, "rollback": _rollback,
    "move": _move,
}  # fmt: skip
