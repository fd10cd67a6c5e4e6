"""Feature steps, splits and the pipeline in front of a model."""
