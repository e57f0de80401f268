"""The registry: whether the login that deliveries will use may push."""

from collections.abc import Iterable

from .. import registry
from ..errors import InstallerError
from ..resources.registry_token import NAME
from ..world import World
from .finding import Finding


def login(world: World) -> Iterable[Finding]:
    """Log in with the token at hand, as deliveries will."""
    settings, credentials = world.settings, world.credentials
    image = f"{settings.account}/{settings.slug}"
    if not credentials.registry_token:
        yield from _none_at_hand(world)
        return
    try:
        registry.check_login(settings.registry, image, credentials.registry_username, credentials.registry_token)
    except InstallerError as error:
        yield Finding("github", error.message, error.fix)
    else:
        yield Finding("github", f"{settings.registry} lets {credentials.registry_username} push {image}")


def _none_at_hand(world: World) -> Iterable[Finding]:
    """Say what that means: the stored one is kept, but cannot be tried from here."""
    stored = NAME in world.github.secrets()
    what = f"There is no {NAME} at hand: {'the stored one cannot be tried' if stored else 'deliveries cannot push'}."
    yield Finding("github", what, f"Set {NAME} (and REGISTRY_USERNAME) in the environment.", stops=not stored)
