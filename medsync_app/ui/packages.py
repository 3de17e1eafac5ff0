"""The front-end packages MedSync adds to Reflex's own, each pinned in one place so that `reflex.lock/` stays
whole."""

from typing import Final

FULLCALENDAR: Final = "@fullcalendar/react@7.1.4"
TEMPORAL: Final = "temporal-polyfill@1.0.8"
XYFLOW: Final = "@xyflow/react@12.12.1"

# rx.plotly's partial bundle: Reflex asks for these itself on pages with a chart. They are named here because
# a build removes from the lock whatever no page uses, and a build must never differ by the pages it happens
# to have.
PLOTLY_REACT: Final = "react-plotly.js@4.1.0"
PLOTLY_BUNDLE: Final = "plotly.js-cartesian-dist-min@3.7.0"

# Reflex's dialogs ask for this one themselves too.
RADIX_DIALOG: Final = "@radix-ui/react-dialog@1.3.1"

ALL: Final = (FULLCALENDAR, TEMPORAL, XYFLOW, PLOTLY_REACT, PLOTLY_BUNDLE, RADIX_DIALOG)
