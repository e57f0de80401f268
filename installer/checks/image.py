"""The registry: whether the login that deliveries will use may push."""

from collections.abc import Iterable

from .. import registry
from ..credentials import PULL_TOKEN
from ..errors import InstallerError
from ..registry import Login
from ..resource import Lane
from ..resources.registry_token import NAME
from ..world import World
from .finding import Finding


def login(world: World) -> Iterable[Finding]:
    """Log in with the token at hand, as deliveries will."""
    settings, credentials = world.settings, world.credentials
    if settings.own_registry:
        yield Finding(settings.scm, f"jobs log in to {settings.registry} each with its own token")
        return
    if not credentials.registry_token:
        yield from _none_at_hand(world)
        return
    given = Login.to(settings, credentials.registry_username, credentials.registry_token)
    yield _tried(world.settings.scm, given, _image(world), push=True)


def pull(world: World) -> Iterable[Finding]:
    """Log in with the token that the cluster is to pull a private image with."""
    settings, credentials = world.settings, world.credentials
    if not settings.image_private:
        return
    if credentials.pull_token:
        given = Login.to(settings, credentials.pull_username, credentials.pull_token)
        yield _tried("cluster", given, _image(world), push=False)
    elif credentials.registry_token:
        what = f"The cluster pulls with {NAME}, which may push too."
        yield Finding("cluster", what, f"Set {PULL_TOKEN} to one that only reads.", stops=False)


def _image(world: World) -> str:
    return f"{world.settings.account}/{world.settings.slug}"


def _tried(lane: Lane, given: Login, image: str, *, push: bool) -> Finding:
    try:
        registry.check_login(given, image, push=push)
    except InstallerError as error:
        return Finding(lane, error.message, error.fix)
    return Finding(lane, f"{given.host} lets {given.username} {'push' if push else 'pull'} {image}")


def _none_at_hand(world: World) -> Iterable[Finding]:
    """Say what that means: the stored one is kept, but cannot be tried from here."""
    stored = world.ci.blind or NAME in world.ci.secrets()
    what = f"There is no {NAME} at hand: {'the stored one cannot be tried' if stored else 'deliveries cannot push'}."
    yield Finding(world.settings.scm, what, f"Set {NAME} (and REGISTRY_USERNAME) in the environment.", stops=not stored)
