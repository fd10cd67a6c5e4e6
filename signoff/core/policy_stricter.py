"""What a changed policy takes back, and the stricter of two policies. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from signoff.core.policy_names import name_key
from signoff.core.policy_settings import Approvals, Check, GatePolicy, Mode
from signoff.core.policy_words import limit_of
from signoff.core.record import Record

_ALONE = (Mode.MANUAL, Mode.GUARDED, Mode.AUTO)
"""From the strictest mode to the one that asks least."""


class Kept(Record):
    """The policy that holds; where it is stricter than the one asked for, that one and what it takes back."""

    policy: GatePolicy
    asked: GatePolicy | None = None
    changed: tuple[str, ...] = ()


def keep_stricter(before: Sequence[GatePolicy], after: GatePolicy, behind: Collection[str] = ()) -> Kept:
    """A policy with everything that those before it asked for and it no longer does.

    Where the machine may do more alone than before, people decide. Seats are counted by role, the larger number of
    each; windows of a freeze are joined.

    Args:
        before: the policies that were in force.
        after: the one that shall be.
        behind: names of those who started or steered the run; the change makes none of them a stand-in.
    """
    policy = after
    changed: list[str] = []
    for one in before:
        changed += _taken_back(one, after, behind)
        policy = _joined(one, policy, behind)
    return (
        Kept(policy=policy, asked=after, changed=tuple(dict.fromkeys(changed)))
        if policy != after
        else Kept(policy=after)
    )


def _taken_back(before: GatePolicy, after: GatePolicy, behind: Collection[str]) -> Iterator[str]:
    counts = _counts(after)
    for role, count in _counts(before).items():
        if counts.get(role, 0) < count:
            yield f"approvals by a {role} {count} -> {counts.get(role, 0)}"
    if before.four_eyes and not after.four_eyes:
        yield "four eyes off"
    yield from _alone(before, after)
    for one in after.stand_ins:
        if one not in before.stand_ins and _names(one.name, behind):
            yield f"stand-in added: {one.name} as {one.role}"
    for window in before.freeze:
        if window not in after.freeze:
            yield f"freeze lifted: {window.sentence()}"
    if after.override is not None and _override(before, after) != after.override:
        yield "a freeze is overridden by fewer or by others"


def _alone(before: GatePolicy, after: GatePolicy) -> Iterator[str]:
    """What lets the machine do more without people than before."""
    if _ALONE.index(after.mode) > _ALONE.index(before.mode):
        yield f"mode {before.mode.value} -> {after.mode.value}"
    if after.on_expiry == "approve" and before.on_expiry != "approve":
        yield "silence approves"
    shorter = (before.expires_days or 0) > (after.expires_days or 0)
    if after.on_expiry == before.on_expiry == "approve" and shorter:
        yield f"silence approves after {after.expires_days:g} days, not {before.expires_days:g}"
    if after.mode is not Mode.MANUAL and (before.veto_hours or 0) > (after.veto_hours or 0):
        yield f"veto window {before.veto_hours:g} -> {after.veto_hours or 0:g} hours"
    told = after.mode is Mode.GUARDED or after.on_expiry == "approve"
    for check in before.checks if told else ():
        if not any(_as_strict(one, check) for one in after.checks):
            yield f"check gone or wider: {limit_of(check)}"


def _joined(before: GatePolicy, after: GatePolicy, behind: Collection[str]) -> GatePolicy:
    counts = _counts(after)
    for role, count in _counts(before).items():
        counts[role] = max(count, counts.get(role, 0))
    freeze = (*after.freeze, *(window for window in before.freeze if window not in after.freeze))
    stand_ins = tuple(one for one in after.stand_ins if one in before.stand_ins or not _names(one.name, behind))
    more = {"mode": Mode.MANUAL, "veto_hours": None, "on_expiry": "reject"} if any(_alone(before, after)) else {}
    same = counts == _counts(after)
    return after.model_copy(
        update={
            "approvals": after.approvals if same else tuple(Approvals(role=r, count=n) for r, n in counts.items()),
            "four_eyes": before.four_eyes or after.four_eyes,
            "freeze": freeze,
            "override": _override(before, after),
            "stand_ins": stand_ins,
            **more,
        }
    )


def _counts(policy: GatePolicy) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in policy.approvals:
        counts[one.role] = counts.get(one.role, 0) + one.count
    return counts


def _override(before: GatePolicy, after: GatePolicy) -> Approvals | None:
    """Who may release in a freeze: where there was one before, nobody else and no fewer than then."""
    old, new = before.override, after.override
    if new is None and before.freeze and not after.freeze:
        # The freeze is kept against the wish of the new policy, which therefore says nothing of it.
        return old
    if not before.freeze or new is None or new == old:
        return new
    if old is None or (old.role == new.role and old.count < new.count):
        return new if old is not None else None
    return old


def _as_strict(check: Check, before: Check) -> bool:
    low = before.at_least is None or (check.at_least is not None and check.at_least >= before.at_least)
    high = before.at_most is None or (check.at_most is not None and check.at_most <= before.at_most)
    return check.metric == before.metric and low and high


def _names(name: str, behind: Collection[str]) -> bool:
    return any(name_key(name) == name_key(one) for one in behind)
