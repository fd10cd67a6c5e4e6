"""Dossier, model card, summary and verdict line: templates and sentences over evidence records."""

from signoff.report.card import render_card
from signoff.report.dossier import render_dossier
from signoff.report.subject import Subject
from signoff.report.summary import render_summary
from signoff.report.verdict import business_line, verdict_line

__all__ = ["Subject", "business_line", "render_card", "render_dossier", "render_summary", "verdict_line"]
