"""Bad candidates, made on purpose: what is spoiled for each kind of drill, and where the evidence shows it."""

from models.drill.board import entered
from models.drill.fault import Bench, Fault, Shown
from models.drill.kinds import fault_for

__all__ = ["Bench", "Fault", "Shown", "entered", "fault_for"]
