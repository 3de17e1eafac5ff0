"""What the enrollment wizard has been told so far, kept as one document and read back without trusting it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, cast

from medsync_app.domain.plan_model import Strategy
from medsync_app.domain.plan_words import STRATEGY_LABELS
from medsync_app.domain.states import Channel, ContactBasis, SameDrug
from medsync_app.errors import Invalid
from medsync_app.services.enroll import EnrollCommand
from medsync_app.services.enroll_contacts import ContactChoice
from medsync_app.services.plan_inputs import NO_CHOICES, TherapyChoice


@dataclass(frozen=True, slots=True)
class Answers:
    """The wizard's answers; None and empty mean that the step was not reached yet.

    `requested` is the day a person picked, offered as one more option. `language` and `drug_names_wanted` None leave
    what is recorded of the patient.
    """

    choices: Mapping[str, TherapyChoice] = field(default_factory=lambda: NO_CHOICES)
    strategy: Strategy = "recommended"
    sync_date: date | None = None
    requested: date | None = None
    override_reason: str = ""
    cadence: str = "every"
    cycle_days: int | None = None
    contacts: tuple[ContactChoice, ...] | None = None
    preferred_channel: Channel | None = None
    language: str | None = None
    drug_names_wanted: bool | None = None


def command_of(draft_id: str, patient_id: str, answers: Answers) -> EnrollCommand:
    """The command that carries these answers out; Invalid when no date was chosen yet."""
    if answers.sync_date is None:
        raise Invalid("Choose a sync date first.", "sync_date")
    return EnrollCommand(
        patient_id=patient_id, sync_date=answers.sync_date, strategy=answers.strategy, choices=answers.choices,
        override_reason=answers.override_reason, cadence=answers.cadence, cycle_days=answers.cycle_days,
        contacts=answers.contacts or (), preferred_channel=answers.preferred_channel, language=answers.language,
        drug_names_wanted=answers.drug_names_wanted, draft_id=draft_id,
    )  # fmt: skip


def document_of(answers: Answers) -> dict[str, Any]:
    """The answers as plain JSON values."""
    return {
        "choices": {key: _choice_document(choice) for key, choice in answers.choices.items()},
        "strategy": answers.strategy,
        "sync_date": _iso(answers.sync_date),
        "requested": _iso(answers.requested),
        "override_reason": answers.override_reason,
        "cadence": answers.cadence,
        "cycle_days": answers.cycle_days,
        "contacts": None
        if answers.contacts is None
        else [
            {
                "channel": contact.channel.value, "address": contact.address, "basis": contact.basis.value,
                "wording": contact.wording, "how": contact.how, "caregiver_name": contact.caregiver_name,
                "caregiver_relation": contact.caregiver_relation,
                "caregiver_allowed": contact.caregiver_allowed,
                "agreed_at": contact.agreed_at.isoformat() if contact.agreed_at else None,
            }
            for contact in answers.contacts
        ],
        "preferred_channel": answers.preferred_channel.value if answers.preferred_channel else None,
        "language": answers.language,
        "drug_names_wanted": answers.drug_names_wanted,
    }  # fmt: skip


def answers_of(document: Mapping[str, Any]) -> Answers:
    """The answers of a document; what cannot be read is as if it had not been answered."""
    strategy = document.get("strategy")
    contacts = document.get("contacts")
    cycle_days = document.get("cycle_days")
    language, names = document.get("language"), document.get("drug_names_wanted")
    return Answers(
        choices=_choices(document.get("choices")),
        strategy=cast(Strategy, strategy) if strategy in STRATEGY_LABELS else "recommended",
        sync_date=_date(document.get("sync_date")),
        requested=_date(document.get("requested")),
        override_reason=str(document.get("override_reason") or ""),
        cadence="monthly" if document.get("cadence") == "monthly" else "every",
        cycle_days=cycle_days if isinstance(cycle_days, int) else None,
        contacts=_contacts(cast("list[object]", contacts)) if isinstance(contacts, list) else None,
        preferred_channel=_channel(document.get("preferred_channel")),
        language=language if isinstance(language, str) else None,
        drug_names_wanted=names if isinstance(names, bool) else None,
    )


def _choice_document(choice: TherapyChoice) -> dict[str, Any]:
    return {
        "include": choice.include, "usual_days": choice.usual_days, "refills_left": choice.refills_left,
        "pa_ends_on": _iso(choice.pa_ends_on),
        "same_drug": choice.same_drug.value if choice.same_drug else None,
    }  # fmt: skip


def _choices(value: object) -> dict[str, TherapyChoice]:
    if not isinstance(value, dict):
        return {}
    return {
        str(key): TherapyChoice(
            include=part["include"] if isinstance(part.get("include"), bool) else None,
            usual_days=_int(part.get("usual_days")),
            refills_left=_int(part.get("refills_left")),
            pa_ends_on=_date(part.get("pa_ends_on")),
            same_drug=SameDrug(part["same_drug"]) if part.get("same_drug") in list(SameDrug) else None,
        )
        for key, part in cast("dict[object, dict[str, Any]]", value).items()
        if isinstance(part, dict)  # pyright: ignore[reportUnnecessaryIsInstance]
    }


def _contacts(value: list[object]) -> tuple[ContactChoice, ...]:
    found: list[ContactChoice] = []
    for part in value:
        if not isinstance(part, dict):
            continue
        known = {str(key): str(text or "") for key, text in cast("dict[object, object]", part).items()}
        channel = _channel(known.get("channel"))
        if channel is None or known.get("basis") not in list(ContactBasis):
            continue
        found.append(
            ContactChoice(
                channel=channel, address=known.get("address", ""), basis=ContactBasis(known["basis"]),
                wording=known.get("wording", ""), how=known.get("how") or "enrollment",
                caregiver_name=known.get("caregiver_name", ""),
                caregiver_relation=known.get("caregiver_relation", ""),
                # Who was asked before this was kept had said yes: the form does not go on without it.
                caregiver_allowed=known.get("caregiver_allowed", "True") == "True",
                agreed_at=_instant(known.get("agreed_at")),
            )
        )  # fmt: skip
    return tuple(found)


def _channel(value: object) -> Channel | None:
    return Channel(value) if value in list(Channel) else None


def _int(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _date(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _instant(value: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if value else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def _iso(value: date | None) -> str | None:
    return value.isoformat() if value is not None else None
