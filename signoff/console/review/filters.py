"""What the templates of the review page call, added to the console's own."""

from __future__ import annotations

from signoff.console.review.words import marked
from signoff.console.templating import environment


def install() -> None:
    """Add the filters; done once when the routes are declared."""
    environment().filters.update(marked=marked)
