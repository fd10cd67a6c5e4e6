"""A gate's policy in sentences, for the command line and the policy page."""

from __future__ import annotations

from collections.abc import Iterator

from signoff.core.policy_settings import Check, GatePolicy, Mode

MODES = {
    Mode.MANUAL: "people decide, whatever the checks say",
    Mode.GUARDED: "the policy approves alone while every check holds, else people decide",
    Mode.AUTO: "the policy approves alone, whatever the checks say",
}


def sentences_of(policy: GatePolicy) -> tuple[str, ...]:
    """Every rule of a policy, one sentence a rule, in the order in which they are asked."""
    seats = " and ".join(f"{wanted.count} by a {wanted.role}" for wanted in policy.approvals)
    return (
        _mode(policy),
        *(f"check {limit_of(check)}" for check in policy.checks),
        f"approvals {seats}, each person once",
        *_course(policy),
        *(f"{one.name} may stand in as {one.role} {one.days()}" for one in policy.stand_ins),
        *(f"freeze: {window.sentence()}" for window in policy.freeze),
        *_override(policy),
    )


def course_of(policy: GatePolicy) -> tuple[str, ...]:
    """How a review goes: those of the sentences that name no seat, check, stand-in or freeze."""
    return (_mode(policy), *_course(policy), *_override(policy))


def limit_of(check: Check) -> str:
    """'holdout.roc_auc at least 0.7'."""
    return f"{check.label} {bounds_of(check)}"


def bounds_of(check: Check) -> str:
    """'at least 0.7', 'at least 1 and at most 2'."""
    bounds = [f"at least {check.at_least:g}"] if check.at_least is not None else []
    bounds += [f"at most {check.at_most:g}"] if check.at_most is not None else []
    return " and ".join(bounds)


def silence_of(policy: GatePolicy) -> str:
    """What the end of a review without an answer means; told after 'without an answer ...'."""
    if policy.on_expiry == "approve":
        return "it is approved where every check holds, else it expires and nothing follows"
    return "it expires and nothing follows"


def _mode(policy: GatePolicy) -> str:
    return f"mode {policy.mode.value}: {MODES[policy.mode]}"


def _course(policy: GatePolicy) -> Iterator[str]:
    if policy.four_eyes:
        yield "four eyes: whoever started or steered what led here may not approve it"
    else:
        yield "four eyes: off, so whoever started a run may approve what it made"
    if policy.veto_hours is not None:
        yield f"veto window: the policy acts after {policy.veto_hours:g} hours unless somebody refuses"
    yield from _end(policy)


def _override(policy: GatePolicy) -> Iterator[str]:
    if policy.override is not None:
        yield f"override of a freeze: {policy.override.count} by a {policy.override.role}, each saying so"
    elif policy.freeze:
        yield "override of a freeze: nobody"


def _end(policy: GatePolicy) -> Iterator[str]:
    if policy.expires_days is None:
        yield "an open review does not end by itself"
        return
    days = f"{policy.expires_days:g} day{'' if policy.expires_days == 1 else 's'}"
    yield f"without an answer within {days} {silence_of(policy)}"
    if policy.remind_days:
        days = ", ".join(f"{days:g}" for days in sorted(policy.remind_days, reverse=True))
        yield f"those who are wanted are reminded {days} days before the end"
