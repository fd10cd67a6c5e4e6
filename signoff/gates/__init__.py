"""Open a review, decide, see what follows."""
