"""BentoML: the served service and its package."""
