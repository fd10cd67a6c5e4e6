"""Features, search, evaluation, explanation, packaging and the served model."""
