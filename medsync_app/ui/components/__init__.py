"""The small set of components every page is made of; nobody writes a second table, chip or dialog.

`rx.Var` arguments come from the page's state; text given as `str` is literal. Classes are in
assets/medsync.css, tokens in ui/theme.py, words for dates and numbers in ui/format.py.

shell.py     shell(*children, title, actions=(), subtitle=None): the frame of every page, with its h1
layout.py    page_header(title, *actions, subtitle=None)  toolbar(*children)
             columns(*children, wide_first=False)
             card(*children, title=None, actions=None, id="", class_name="")  stack(*children)
buttons.py   button(label, on_click=, variant="primary|default|quiet|danger", icon_name="", small=False)
             icon_button(label, icon_name, on_click=)  link(*children, href=, replace=False)
             icon(name, size=16)  link_button(label, href=)
             download_link(label, href=)  plain_link(*children, href=): not rx.el.a, which stays in the app
chips.py     state_chip(state, kind="cycle|item|action|enrollment|exception|renewal|severity")
             chip(label, tone)  state_label(kind, state) -> str; tones: neutral info good warn bad review
text.py      patient_link(id, name)  due_date(due: Var[format.DueText])  two_lines(first, second)
             facts((label, value), ...)  muted(*children)  hidden_text(*children)
feedback.py  empty_state(sentence, action)  error_state(message, retry)  skeleton(lines)
             banner(message, tone=)  loaded_or(content, loaded=, problem=, retry=)  problem_line(message)
tables.py    Column(label, key="", number=False, wide=False, minor=False)
             data_table(columns, rows, cells, caption=, sort=Var, sort_href=fn, row_id="id", roving=False)
             pager(summary, previous_href=, next_href=)
tiles.py     stat_tile(label, value, hint=None, tone="neutral", href=None, selected=False, icon_name="")
             stat_row(*tiles, label=)
forms.py     text_field  text_area  select_field  check_field  radio_field  choice_group  field
             search_field(label, name=, placeholder=, on_change=)  filter_bar(*children)
             filter_link(label, href=, selected=, count=None)
overlays.py  side_panel(*children, open=, on_close=, title=, footer=None)
             confirm_dialog(*consequences, open=, title=, confirm_label=, on_confirm=, on_cancel=, problem=)
timeline.py  timeline(drugs, start=, end=, today=, sync_date=) -> Timeline, called by a state
             supply_timeline(Var[Timeline]) draws it
charts.py    chart(figure, words=, test_id=)  behind(columns, rows, cells, caption=, test_id=): the table behind it
live.py      every(seconds, handler): polls while the tab is visible
fullcalendar.py  calendar(events, ...)

Filters, sort and page live in the address: `filter_link`, `data_table(sort_href=)` and `pager` are links that
replace it, the page's `on_load` handler reads it. Keyboard: Ctrl K goes to the search; inside an element with
`data-roving`, arrow keys walk the elements marked `data-roving-item` and Enter clicks the `data-primary`
one in it (assets/medsync.js). What is pressed twice is done once (assets/once.js): a button that may be pressed often
in a row has `data-often`.
"""
