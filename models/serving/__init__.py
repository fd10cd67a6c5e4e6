"""Packaging and serving: the bento, its verification, the endpoint, batch scoring. BentoML is named only here."""

from models.serving.champion import (
    install_champion,
    point_champion,
    rollback_champion,
    smoke_test,
    stage_champion,
    staged_champion,
)
from models.serving.manifest import check_manifest, manifest_digest
from models.serving.parcel import Parcel, ServingRecord, open_parcel

__all__ = [
    "Parcel",
    "ServingRecord",
    "check_manifest",
    "install_champion",
    "manifest_digest",
    "open_parcel",
    "point_champion",
    "rollback_champion",
    "smoke_test",
    "stage_champion",
    "staged_champion",
]
