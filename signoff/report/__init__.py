"""Dossier, model card and summary: templates over evidence records."""

from signoff.report.card import render_card
from signoff.report.dossier import render_dossier
from signoff.report.subject import Subject
from signoff.report.summary import render_summary

__all__ = ["Subject", "render_card", "render_dossier", "render_summary"]
