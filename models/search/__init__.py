"""Search, recipe, fit and the model file."""
