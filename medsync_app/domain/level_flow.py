"""Min-cost flow of patients to days, exact, where another patient costs a day more the fuller it is.

Each patient is added on the shortest path (successive shortest paths, which keeps the whole optimal): it takes a
day, or a day whose patient takes another, and so on. The residual graph needs only the days as its nodes, because
between two days only the cheapest move counts.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

#: What one more costs: without a date, above the capacity, growth of the sum of squares.
_Marginal = tuple[int, int, int]
_Move = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """A day with what stands on it. `stretches`: it may hold more than the capacity. `outside`: it is no day at all."""

    load: int
    capacity: int | None
    stretches: bool
    outside: bool = False

    def marginal(self, more: int) -> _Marginal | None:
        """The price of one patient beside `more` others, None when there is no room."""
        if self.outside:
            return (1, 0, 0)
        count = self.load + more
        above = self.capacity is not None and count >= self.capacity
        if above and not self.stretches:
            return None
        return (0, int(above), 2 * count + 1)


class Flow:
    """Patients (0, 1, 2 ... as they are added) at places; after each `add` the total cost is the least possible."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = places
        self._counts = [0] * len(places)
        self._at: list[int] = []
        self._arcs: list[Mapping[int, int]] = []
        #: From place to place: (what the move costs, patient), the cheapest on top; stale ones are dropped when seen.
        self._moves: list[dict[int, list[_Move]]] = [{} for _ in places]

    def add(self, arcs: Mapping[int, int]) -> None:
        """One more patient, who may go to the places of `arcs` at that cost; ValueError when no place has room."""
        found, via = self._cheapest(arcs)
        end = self._end(found)
        self._counts[end] += 1
        while via[end] is not None:
            before, patient = via[end] or (0, 0)
            self._put(patient, end)
            end = before
        self._at.append(end)
        self._arcs.append(arcs)
        self._put(len(self._at) - 1, end)

    def places(self) -> tuple[int, ...]:
        """Where each patient is."""
        return tuple(self._at)

    def _put(self, patient: int, place: int) -> None:
        self._at[patient] = place
        arcs = self._arcs[patient]
        here, moves = arcs[place], self._moves[place]
        for other, cost in arcs.items():
            if other != place:
                heappush(moves.setdefault(other, []), (cost - here, patient))

    def _cheapest(self, arcs: Mapping[int, int]) -> tuple[dict[int, int], dict[int, _Move | None]]:
        """The least cost to reach each place, and the move that leads there (None: the patient itself goes)."""
        found = dict(arcs)
        via: dict[int, _Move | None] = dict.fromkeys(found)
        waiting = deque(sorted(found))
        queued = set(waiting)
        at = self._at
        while waiting:
            place = waiting.popleft()
            queued.discard(place)
            so_far = found[place]
            for other, heap in self._moves[place].items():
                while heap and at[heap[0][1]] != place:
                    heappop(heap)
                if not heap:
                    continue
                cost, patient = heap[0]
                total = so_far + cost
                known = found.get(other)
                if known is None or total < known:
                    found[other] = total
                    via[other] = (place, patient)
                    if other not in queued:
                        queued.add(other)
                        waiting.append(other)
        return found, via

    def _end(self, found: Mapping[int, int]) -> int:
        best: tuple[_Marginal, int, int] | None = None
        for place, cost in found.items():
            price = self._places[place].marginal(self._counts[place])
            if price is not None and (best is None or (price, cost, place) < best):
                best = (price, cost, place)
        if best is None:
            raise ValueError("A patient must stay somewhere, and no place has room.")
        return best[2]
