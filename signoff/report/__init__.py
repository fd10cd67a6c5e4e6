"""Dossier and model card: templates over evidence records."""
