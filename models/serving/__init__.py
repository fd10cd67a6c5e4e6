"""Packaging and serving: the bento, its verification, the endpoint, batch scoring. BentoML is named only here."""

from models.serving.champion import install_champion, rollback_champion, smoke_test
from models.serving.parcel import Parcel, ServingRecord, open_parcel

__all__ = ["Parcel", "ServingRecord", "install_champion", "open_parcel", "rollback_champion", "smoke_test"]
