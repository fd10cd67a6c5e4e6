"""Names of people and the seats that a gate's policy gives them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from signoff.core.policy_settings import Approvals, GatePolicy

POLICY_ACTOR = "policy"
UNCOMMITTED = "uncommitted"
"""Stands among the git authors where the settings are not what git has of them."""
"""Who signs an automatic decision; no person may bear this name."""

ANYBODY = ("operator", "reviewer")
"""The roles of everybody in a project that names no people."""


class Seatable(Protocol):
    """Whoever approves: a decision or a vote."""

    @property
    def actor(self) -> str:
        """The name of the account."""

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles it had at that time."""

    @property
    def decided(self) -> datetime | None:
        """When; None where an older entry does not say, and then no stand-in with dates counts."""

    @property
    def override(self) -> bool:
        """Whether it was given to release in spite of a freeze."""


def same_person(one: str, other: str) -> bool:
    """Whether two spellings are one name: 'Ada' and 'ada ' do not make four eyes."""
    return name_key(one) == name_key(other)


def name_key(actor: str) -> str:
    """A name as it is compared: no outer white space, no case, no matter how its letters are composed (NFKC)."""
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", actor).casefold()).split())


def roles_of(people: Mapping[str, Sequence[str]], actor: str) -> tuple[str, ...]:
    """The roles of an actor; where the project names no people, everybody is operator and reviewer."""
    if not people:
        return ANYBODY
    return tuple(sorted({role for name, roles in people.items() if same_person(name, actor) for role in roles}))


def seats_of(policy: GatePolicy, actor: str, roles: Sequence[str], moment: datetime | None) -> frozenset[str]:
    """The roles that count for somebody at a moment: their own, and those they stand in for on that day."""
    stood_in = {
        one.role
        for one in policy.stand_ins
        if same_person(actor, one.name) and (one.always if moment is None else one.holds(moment))
    }
    return frozenset({*roles, *stood_in})


def missing_approvals(policy: GatePolicy, approvals: Sequence[Seatable]) -> tuple[str, ...]:
    """What is still wanted, one sentence a role; empty when every seat is filled."""
    return _in_words(empty_seats(policy, policy.approvals, approvals), "approval")


def missing_overrides(policy: GatePolicy, approvals: Sequence[Seatable]) -> tuple[str, ...]:
    """Who is still wanted to release in spite of a freeze; empty when enough approvals say so."""
    if policy.override is None:
        return ("nobody may override this freeze",)
    given = [one for one in approvals if one.override]
    return _in_words(empty_seats(policy, (policy.override,), given), "override")


def empty_seats(policy: GatePolicy, wanted: Sequence[Approvals], approvals: Sequence[Seatable]) -> tuple[str, ...]:
    """The role of each seat that these approvals leave empty.

    One person fills one seat. Seats are filled by maximum bipartite matching (Kuhn's augmenting paths, Naval
    Research Logistics 1955), so that a person of two roles never blocks the one who has only one of them.
    """
    people: dict[str, frozenset[str]] = {}
    for one in approvals:
        key = name_key(one.actor)
        people[key] = people.get(key, frozenset()) | seats_of(policy, one.actor, one.roles, one.decided)
    seats = [approval.role for approval in wanted for _ in range(approval.count)]
    holder: dict[int, str] = {}

    def seat(name: str, tried: set[int]) -> bool:
        for index, role in enumerate(seats):
            if role in people[name] and index not in tried:
                tried.add(index)
                if index not in holder or seat(holder[index], tried):
                    holder[index] = name
                    return True
        return False

    for name in sorted(people):
        seat(name, set())
    return tuple(role for index, role in enumerate(seats) if index not in holder)


def _in_words(empty: Sequence[str], what: str) -> tuple[str, ...]:
    return tuple(
        f"{empty.count(role)} more {what}{'s' * (empty.count(role) > 1)} by a {role}" for role in dict.fromkeys(empty)
    )
