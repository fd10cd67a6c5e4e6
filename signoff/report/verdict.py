"""The verdict line stands in core, so that announcements may say it too; here under the name that reports use."""

from signoff.core.verdict import Found, business_line, verdict_line

__all__ = ["Found", "business_line", "verdict_line"]
