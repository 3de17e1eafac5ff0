import plotly.graph_objects as go
import reflex as rx
from medsync_app.ui.components.fullcalendar import calendar

class SpikeState(rx.State):
    said: str = "nothing"
    events: list[dict] = [{"id": "c1", "title": "Ada", "start": "2026-11-10", "className": "ready"}]
    days: dict[str, dict[str, str]] = {"2026-11-12": {"text": "12/20", "className": "closed"}}
    @rx.event
    async def dropped(self, id: str, day: str):
        self.said = f"drop {id} {day}"
    @rx.event
    async def clicked(self, id: str):
        self.said = f"click {id}"
    @rx.event
    async def day(self, day: str):
        self.said = f"day {day}"
        if day == "2026-11-20":
            self.events = [{"id": "c1", "title": "Ada", "start": "2026-11-19", "className": "ready"}]
            self.days = {"2026-11-13": {"text": "9/9", "className": "closed"}}
    @rx.event
    async def visible(self, a: str, b: str, v: str, c: str):
        self.said = f"range {a} {b} {v} {c}"

def spike() -> rx.Component:
    fig = go.Figure(go.Bar(x=["a", "b"], y=[1, 2]))
    return rx.box(
        rx.text(SpikeState.said, custom_attrs={"data-testid": "said"}),
        calendar(SpikeState.events, days=SpikeState.days, event_drop=SpikeState.dropped, event_click=SpikeState.clicked,
                 date_click=SpikeState.day, dates_set=SpikeState.visible, initial_date="2026-11-01"),
        rx.plotly.cartesian(data=fig),
        rx.icon("calendar"),
    )
