"""The operations that the stand-in answers; importing this registers them."""

from . import branches, hooks, instance, jobs, merge_requests, projects, protections, settings, tokens

__all__ = ["branches", "hooks", "instance", "jobs", "merge_requests", "projects", "protections", "settings", "tokens"]
