"""The sheets for the counter: everything of a day, and one batch to prepare."""

from datetime import date

from medsync_app.domain.states import ItemState
from medsync_app.domain.wordings import written_phone
from medsync_app.reads.batch import BatchDrug, BatchView
from medsync_app.reads.day_sheet import DaySheet, SheetBatch
from medsync_app.web.paper.sheet import Sheet
from medsync_app.web.paper.words import fill_words, long_day

_FOOT = "Patient information: keep it at the counter, shred it afterwards."
_BOX = "[  ]"


def day_pdf(found: DaySheet, day: date) -> bytes:
    """Every batch of the day, with boxes to tick."""
    sheet = Sheet("Day sheet", foot=_FOOT, wide=True)
    sheet.heading(long_day(day, "en"))
    listed = len(found.batches)
    sheet.text(
        f"Pickups: {found.total}." + (f" The first {listed} are listed." if found.total > listed else "")
    )
    if not found.batches:
        sheet.text("No pickup is planned on this day.")
        return sheet.pdf()
    several = len({batch.place.id for batch in found.batches}) > 1
    rows = [(_who(batch, several=several), _drugs(batch), _state(batch), _BOX) for batch in found.batches]
    sheet.table(("Patient", "Medicines", "State", "Done"), rows, (26, 50, 18, 6))
    return sheet.pdf()


def batch_pdf(found: BatchView) -> bytes:
    """One batch: each fill with what it needs, what is wrong, and who checked it."""
    sheet = Sheet("Batch sheet", foot=_FOOT)
    sheet.heading(f"{found.last_name}, {found.first_name}")
    kind = "Pickup" if found.kind == "sync" else "Short supply before the pickup"
    sheet.text(f"{kind}: {long_day(found.day, 'en')}. {found.place.name}.", bold=True)
    if found.unapproved:
        sheet.text("A pharmacist has not approved this plan: prepare nothing.", bold=True)
    sheet.lines(found.reasons)
    rows = [
        (_BOX, drug.name, fill_words(drug), _missing(drug), "")
        for drug in found.drugs
        if drug.state is not ItemState.SKIPPED
    ]
    sheet.table(("Done", "Medicine", "Fill", "What is missing", "Checked by"), rows, (7, 30, 27, 22, 14))
    skipped = [drug.name for drug in found.drugs if drug.state is ItemState.SKIPPED]
    if skipped:
        sheet.space()
        sheet.text(f"Not this time: {', '.join(skipped)}.")
    if found.problems:
        sheet.heading("Open for this patient", 2)
        sheet.lines([f"{one.drug}: {one.summary}" if one.drug else one.summary for one in found.problems])
    sheet.signature("Prepared by", "Pharmacist")
    return sheet.pdf()


def _who(batch: SheetBatch, *, several: bool) -> str:
    born = f"born {batch.birth_date.strftime('%m/%d/%Y')}" if batch.birth_date else ""
    parts = [
        f"{batch.last_name}, {batch.first_name}", born, written_phone(batch.phone),
        batch.place.name if several else "",
    ]  # fmt: skip
    return "\n".join(part for part in parts if part)


def _drugs(batch: SheetBatch) -> str:
    kept = [drug for drug in batch.drugs if drug.state is not ItemState.SKIPPED]
    return "\n".join(f"{_BOX} {drug.name}: {fill_words(drug)}" for drug in kept)


def _state(batch: SheetBatch) -> str:
    notes = [
        batch.state.value.replace("_", " "),
        "plan not approved" if batch.unapproved else "",
        "confirmed" if batch.confirmed else "",
        "short supply" if batch.kind == "trip" else "",
    ]
    return "\n".join(note for note in notes if note)


def _missing(drug: BatchDrug) -> str:
    parts = [
        drug.problem.replace("_", " "),
        drug.note,
        f"expected {drug.expected_on.strftime('%m/%d/%Y')}" if drug.expected_on else "",
        f"renewal by {drug.needs_renewal_by.strftime('%m/%d/%Y')}" if drug.needs_renewal_by else "",
        "too soon: ask the pharmacist" if drug.too_soon else "",
    ]
    return "; ".join(part for part in parts if part)
