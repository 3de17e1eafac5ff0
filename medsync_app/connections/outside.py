"""What connections to other programs than the patient's phone share: boards for tasks, letters, signed events."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class TaskNews:
    """A task as other programs may show it: no patient data, only what to do and a link back."""

    title: str
    body: str
    url: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Placed:
    """Where it stands at the other program: its id there, and an address a person can open ("" when there is none)."""

    ref: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A document for a prescriber: `to` is a fax number (E.164) or an e-mail address."""

    to: str
    subject: str
    text: str
    pdf: bytes
    sender_name: str
    reply_to: str = ""


class Board(Protocol):
    """A program that shows tasks (Slack, Asana, Trello). SendFailed when it does not take them."""

    loopback: bool

    def place(self, news: TaskNews) -> Placed:
        """Show a task there."""
        ...

    def finish(self, ref: str) -> None:
        """The task is settled."""
        ...


class Post(Protocol):
    """A way for letters (fax, e-mail). SendFailed when it does not take one."""

    loopback: bool

    def send(self, letter: Letter, job_id: str) -> Placed:
        """Hand a letter over once."""
        ...
