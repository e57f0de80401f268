"""The code hosts and the CIs as they are wired: each has a module of its own, config/supported.py names them."""

from importlib import import_module

from ..ci.base import Connect
from ..config.supported import CIS, FORGES, module
from .forge_kind import Kind

HOSTS: dict[str, Kind] = {name: import_module(f".{module(name)}", __package__).FORGE for name in FORGES}
CONNECT: dict[str, Connect] = {name: import_module(f"..ci.{module(name)}", __package__).connect for name in CIS}
