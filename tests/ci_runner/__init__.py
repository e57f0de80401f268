"""What the runners for CircleCI's and Travis CI's files have in common: a machine for each job, and what it said."""

from .machine import Failed, Job, Place, Unmodelled, export, in_order, run

__all__ = ["Failed", "Job", "Place", "Unmodelled", "export", "in_order", "run"]
