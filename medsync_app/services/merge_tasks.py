"""Carries the tasks of a record that is merged over to the one that stays: one open task a cause."""

from collections.abc import Mapping

from medsync_app.domain.causes import about_others
from medsync_app.domain.merging import renamed
from medsync_app.domain.states import ExceptionState
from medsync_app.services.exceptions import close_row
from medsync_app.store.repositories import exceptions, merging
from medsync_app.store.session import Tx


def rename_tasks(tx: Tx, patient_id: str, ids: Mapping[str, str]) -> int:
    """Let the tasks of a patient be about other ids (old -> new); returns how many were asked twice and are closed."""
    twice = 0
    for row in merging.cases(tx, patient_id):
        row.detail = renamed(row.detail, ids)
        key = about_others(row.cause_key, ids)
        if key == row.cause_key:
            continue
        if (
            row.state is ExceptionState.OPEN
            and exceptions.open_by_cause(tx, row.pharmacy_id, key) is not None
        ):
            close_row(
                tx, row, outcome="Two records were merged: the same task is open on the one that stays."
            )
            twice += 1
        else:
            row.cause_key = key
        tx.session.flush()
    return twice
