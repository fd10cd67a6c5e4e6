"""Packaging and serving: the bento, its verification, the endpoint, batch scoring. BentoML is named only here."""
