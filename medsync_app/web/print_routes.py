"""Sheets to print, as PDF: asked for by guarded GETs with random ids, each with its line in the audit log.

They are made when asked for and never kept. Whoever may see the page may print what is on it; the report of Adherence
leaves the app, and needs what exports need.
"""

import asyncio
from collections.abc import Callable
from datetime import date
from typing import TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import Response

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.http import require_staff
from medsync_app.auth.permissions import Permission
from medsync_app.domain.funnel import Funnel
from medsync_app.domain.staff_time import StaffTime
from medsync_app.domain.wordings import LANGUAGES
from medsync_app.errors import Invalid
from medsync_app.reads.adherence import WINDOWS, Report, adherence_report
from medsync_app.reads.batch import BatchView, batch_view
from medsync_app.reads.funnel import programme_funnel
from medsync_app.reads.paper import PatientPaper, patient_paper
from medsync_app.reads.staff_work import staff_work, time_of
from medsync_app.services.audit import audit
from medsync_app.services.view_day_sheet import view_day_sheet
from medsync_app.store.session import Tx
from medsync_app.web.exports import check_choice
from medsync_app.web.paper.adherence import adherence_pdf
from medsync_app.web.paper.patient import agreement_pdf, calendar_pdf
from medsync_app.web.paper.staff import batch_pdf, day_pdf

router = APIRouter(tags=["print"])
PATH = "/print"
T = TypeVar("T")
_PATIENT_SHEETS = {"calendar": calendar_pdf, "agreement": agreement_pdf}
_FIRST, _LAST = date(2000, 1, 1), date(2200, 1, 1)


@router.get(PATH + "/day.pdf", response_class=Response)
async def day_sheet(request: Request, d: date) -> Response:
    """Every batch of a day (`?d=2026-12-01`), of the location in `?at=` or of all."""
    if not _FIRST <= d <= _LAST:
        raise Invalid("Choose a day from 2000 on.", "d")
    caller = await require_staff(request, Permission.VIEW_PATIENTS)
    return await _answer(
        caller, f"day-{d}", lambda tx: view_day_sheet(tx, d), lambda found: day_pdf(found, d)
    )


@router.get(PATH + "/batch/{cycle_id}.pdf", response_class=Response)
async def batch_sheet(request: Request, cycle_id: str) -> Response:
    """One batch to prepare."""
    caller = await require_staff(request, Permission.VIEW_PATIENTS)

    def look(tx: Tx) -> BatchView:
        found = batch_view(tx, cycle_id)
        _note(tx, found.place.id, "print_batch", "cycle", found.cycle_id)
        return found

    return await _answer(caller, "batch", look, batch_pdf)


@router.get(PATH + "/patient/{patient_id}/{sheet}.pdf", response_class=Response)
async def patient_sheet(request: Request, patient_id: str, sheet: str, lang: str = "") -> Response:
    """A patient's calendar or agreement, in the patient's language or that of `?lang=`."""
    draw = _PATIENT_SHEETS.get(sheet)
    if draw is None:
        raise Invalid("Choose calendar or agreement.", "sheet")
    if lang and lang not in LANGUAGES:
        raise Invalid("Choose en or es.", "lang")
    caller = await require_staff(request, Permission.VIEW_PATIENTS)

    def look(tx: Tx) -> PatientPaper:
        found = patient_paper(tx, patient_id)
        _note(tx, found.shop.id, f"print_{sheet}", "patient", found.patient_id)
        return found

    return await _answer(caller, sheet, look, lambda found: draw(found, lang or found.language))


@router.get(PATH + "/adherence.pdf", response_class=Response)
async def adherence_sheet(request: Request, window: str = WINDOWS[0], who: str = "") -> Response:
    """The figures of a window (this_year, last_year, last_12_months) as a report. Owners and pharmacists."""
    check_choice(window, who)
    caller = await require_staff(request, Permission.EXPORT)

    def look(tx: Tx) -> tuple[Report, Funnel, StaffTime]:
        return adherence_report(tx, window, who), programme_funnel(tx), time_of(staff_work(tx))

    found = await asyncio.to_thread(_read, caller, look)

    def note(tx: Tx) -> None:
        for pharmacy_id in sorted(caller.scope_here.pharmacy_ids or ()):
            _note(tx, pharmacy_id, "export_report", "pharmacy", pharmacy_id)

    return await _answer(caller, f"adherence-{window}", note, lambda _: adherence_pdf(*found, who=who))


async def _answer(caller: Caller, name: str, look: Callable[[Tx], T], draw: Callable[[T], bytes]) -> Response:
    """What `look` finds, drawn once its transaction is over: others may write meanwhile."""

    def run() -> bytes:
        with runtime.database().transaction(caller.scope_here, runtime.clock()) as tx:
            found = look(tx)
        return draw(found)

    return Response(
        await asyncio.to_thread(run),
        media_type="application/pdf",
        headers={
            "Content-Disposition": f'attachment; filename="medsync-{name}.pdf"',
            "Cache-Control": "no-store",
        },
    )


def _read(caller: Caller, look: Callable[[Tx], T]) -> T:
    """A long read, in a transaction that keeps nobody from writing."""
    with runtime.database().reading(caller.scope_here, runtime.clock()) as tx:
        return look(tx)


def _note(tx: Tx, pharmacy_id: str, act: str, kind: str, subject_id: str) -> None:
    audit(tx, pharmacy_id=pharmacy_id, act=act, subject_kind=kind, subject_id=subject_id)
