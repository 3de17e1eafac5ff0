"""What happens when something fails outside of a guarded handler: a line in the log without data, an id for the
person.

The guard answers for its handlers itself (auth/guard.py). Reflex's own way logs the message and payload
(patient data) and answers with a toast, which needs `eval` in the browser; the policy of web/csp.py forbids
that.
"""

from typing import Any, cast

from reflex.event import EventSpec

from medsync_app.auth.incidents import note_incident
from medsync_app.ui.states.base import AppState


def report_failure(exception: Exception) -> EventSpec:
    """Log type and place of `exception`, and let the page's error region show the id of that line."""
    incident_id = note_incident(exception, "outside of a handler")
    return cast(EventSpec, cast(Any, AppState).show_incident(incident_id))
