"""The decision of the contact rules about one message, on the facts of the moment at which it fires."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from medsync_app.clock import local_day
from medsync_app.connections.protocol import Connection
from medsync_app.domain.contact_rules import (
    ContactFacts,
    Decision,
    Purpose,
    Reach,
    Rules,
    Send,
    decide,
    is_wrong,
    joins,
    way,
)
from medsync_app.domain.local_time import day_bounds
from medsync_app.domain.states import Channel, ContactBasis
from medsync_app.domain.wordings import NAMES
from medsync_app.domain.workflow import DEFAULT_SEGMENTS, channels_for
from medsync_app.outbox.queue import READY
from medsync_app.outbox.sent import sent_to
from medsync_app.services.cycle_facts import age_on
from medsync_app.services.ensure_workflow import workflow_of_version
from medsync_app.services.rules import rules_of as pharmacy_rules
from medsync_app.store.repositories.contact import contact_points, statuses, stopped_channels
from medsync_app.store.session import Tx
from medsync_app.store.tables import Patient, Pharmacy, ScheduledAction

#: An e-mail to the staff, worded when it is queued.
NOTICE = "notice"
#: Kinds that go back to one address.
DIRECT = frozenset({"reply", NOTICE})


def contact_decision(
    tx: Tx,
    action: ScheduledAction,
    pharmacy: Pharmacy,
    patient: Patient | None,
    connections: Mapping[Channel, Connection],
    *,
    beside: Send | None = None,
) -> Decision:
    """The decision of the contact rules about an action, as things are now; `beside` a household's that goes now."""
    facts = _facts(tx, action, pharmacy, patient, frozenset(connections), beside)
    return decide(facts, rules_now(tx, pharmacy))


def could_be_said(
    tx: Tx,
    action: ScheduledAction,
    pharmacy: Pharmacy,
    patient: Patient,
    connections: Mapping[Channel, Connection],
    beside: Send,
) -> bool:
    """Whether an action like this one, for a patient, could be part of a household's message that goes out."""
    if patient.deceased_on is not None:
        return False
    facts = _facts(tx, action, pharmacy, patient, frozenset(connections), beside)
    return joins(facts, rules_now(tx, pharmacy))


def likely_way(
    tx: Tx,
    action: ScheduledAction,
    pharmacy: Pharmacy,
    patient: Patient | None,
    available: frozenset[Channel] = frozenset(Channel),
) -> Reach | None:
    """The way a message would take, whatever the hour and the caps; None when a person would call or nothing goes."""
    return way(_facts(tx, action, pharmacy, patient, available, None), rules_of(pharmacy))


def _facts(
    tx: Tx,
    action: ScheduledAction,
    pharmacy: Pharmacy,
    patient: Patient | None,
    available: frozenset[Channel],
    beside: Send | None,
) -> ContactFacts:
    zone = (patient.zone if patient else None) or pharmacy.zone
    reaches = _direct(action) or _reaches(tx, pharmacy, patient, zone)
    return ContactFacts(
        now=tx.now,
        zone=zone,
        purpose=purpose_of(action),
        reaches=reaches,
        useful_until=action.stale_at,
        preferred=patient.preferred_channel if patient else None,
        segment=_segment(tx, action, patient, reaches, zone) if patient else (),
        only=tuple(Channel(channel) for channel in action.payload.get("action", {}).get("channels", ())),
        deceased=patient is not None and patient.deceased_on is not None,
        available=available & _worded(action),
        stopped=stopped_channels(tx, pharmacy.id),
        tried=frozenset(action.payload.get("tried", ())),
        joins=(beside.channel, beside.address) if beside is not None else None,
    )


def _worded(action: ScheduledAction) -> frozenset[Channel]:
    """The channels for which a step's own wording has words; all where ours can speak too."""
    texts: Mapping[str, Mapping[str, str]] = action.payload.get("action", {}).get("wordings", {})
    if not texts or template_of(action.payload) in NAMES:
        return frozenset(Channel)
    return frozenset(channel for channel in Channel if any(channel.value in said for said in texts.values()))


def rules_of(pharmacy: Pharmacy) -> Rules:
    """The contact rules of a pharmacy."""
    known = pharmacy_rules(pharmacy)
    return Rules(
        opens=pharmacy.contact_from,
        closes=pharmacy.contact_until,
        per_day_express=known.messages_per_day,
        stop_ends_all=known.stop_ends_all,
        free_to_end_user=known.free_to_end_user,
        bounded=not pharmacy.is_demo,
    )


def read_rules(tx: Tx, pharmacy: Pharmacy) -> None:
    """Read the contact rules once for all decisions of a batch."""
    tx.ahead["rules", pharmacy.id] = rules_of(pharmacy)


def rules_now(tx: Tx, pharmacy: Pharmacy) -> Rules:
    """Those that `read_rules` has kept for a batch, else read now."""
    known: Rules | None = tx.ahead.get(("rules", pharmacy.id))
    return known or rules_of(pharmacy)


def purpose_of(action: ScheduledAction) -> Purpose:
    """What a message is for, as the caps see it: a ready notice is one by its wording."""
    if action.kind in DIRECT:
        return Purpose.REPLY
    return Purpose.READY if template_of(action.payload) in READY else Purpose.REMINDER


def template_of(payload: Mapping[str, Any]) -> str:
    """The wording that an action is made of, "" for none."""
    return str(payload.get("action", {}).get("template", ""))


def _segment(
    tx: Tx, action: ScheduledAction, patient: Patient, reaches: tuple[Reach, ...], zone: str
) -> tuple[Channel, ...]:
    """In which order patients like this one are tried: by the version that the message was queued under."""
    version_id = action.payload.get("workflow")
    segments = workflow_of_version(tx, version_id).segments if version_id else DEFAULT_SEGMENTS
    today = local_day(tx.now, zone)
    return channels_for(
        segments, today=today, age=age_on(patient.birth_date, today), language=patient.language,
        bases=frozenset(reach.basis for reach in reaches), fulfilment=patient.fulfilment,
    )  # fmt: skip


def _direct(action: ScheduledAction) -> tuple[Reach, ...]:
    """The one address that an answer goes back to, or a notice to the staff."""
    if action.kind not in DIRECT:
        return ()
    return (Reach(Channel(action.payload["channel"]), action.payload["to"], ContactBasis.NUMBER_GIVEN),)


def _reaches(tx: Tx, pharmacy: Pharmacy, patient: Patient | None, zone: str) -> tuple[Reach, ...]:
    if patient is None:
        return ()
    points = contact_points(tx, patient.id)
    known = statuses(tx, pharmacy.id, [point.address for point in points])
    today, week = day_bounds(tx.now, zone)[0], tx.now - timedelta(days=7)
    result: list[Reach] = []
    for point in points:
        status = known.get((point.channel, point.address))
        stopped_at = status.opted_out_at if status is not None else None
        given = point.basis is not ContactBasis.EXPRESS
        sent = sent_to(tx, pharmacy.id, point.address, today=today, week=week)
        result.append(
            Reach(
                channel=point.channel,
                address=point.address,
                basis=point.basis,
                landline=point.kind == "landline",
                caregiver=bool(point.caregiver_name),
                unauthorized=bool(point.caregiver_name) and point.caregiver_allowed_at is None,
                opted_out=stopped_at is not None,
                asked_at=stopped_at or point.basis_at,
                unreachable=status is not None and status.unreachable_at is not None,
                wrong=status is not None and is_wrong(status.wrong_at, point.confirmed_at),
                held=status is not None and status.held_at is not None,
                sent_today=sent.today if given else sent.today_without_ready,
                sent_week=sent.week,
            )
        )
    return tuple(result)
