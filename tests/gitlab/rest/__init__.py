"""The operations that the stand-in answers; importing this registers them."""

from . import branches, instance, jobs, merge_requests, projects, protections, settings, tokens

__all__ = ["branches", "instance", "jobs", "merge_requests", "projects", "protections", "settings", "tokens"]
