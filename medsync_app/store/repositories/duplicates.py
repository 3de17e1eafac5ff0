"""Queries for what pharmacists answered about two drugs of one patient that share an ingredient."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlmodel import col

from medsync_app.store.session import Tx
from medsync_app.store.tables import DuplicateAnswer

Pair = frozenset[str]


def together(tx: Tx, patient_ids: Sequence[str]) -> Mapping[str, frozenset[Pair]]:
    """By patient the pairs of drugs that are taken together; patients without an answer are missing."""
    rows = tx.session.execute(
        select(
            col(DuplicateAnswer.patient_id), col(DuplicateAnswer.first_id), col(DuplicateAnswer.second_id)
        ).where(
            col(DuplicateAnswer.patient_id).in_(list(patient_ids)),
            col(DuplicateAnswer.replaced_id).is_(None),
        )
    )
    found: dict[str, set[Pair]] = defaultdict(set)
    for patient_id, first, second in rows:
        found[patient_id].add(frozenset((first, second)))
    return {key: frozenset(pairs) for key, pairs in found.items()}


def of_pair(tx: Tx, first_id: str, second_id: str) -> DuplicateAnswer | None:
    """The answer about two drugs, whichever is named first."""
    smaller, larger = sorted((first_id, second_id))
    return tx.session.scalars(
        select(DuplicateAnswer).where(
            col(DuplicateAnswer.first_id) == smaller, col(DuplicateAnswer.second_id) == larger
        )
    ).one_or_none()
