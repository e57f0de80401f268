"""The how-to of the generated README for OIDC, with a provider of our own."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Blueprint, g
from flask.testing import FlaskClient
from hello_api.app import create_app
from hello_api.auth import login_required
from hello_api.extensions import Response, openapi
from hello_api.settings import Settings
from jwt.algorithms import RSAAlgorithm
from pydantic import BaseModel

KEY, OTHER = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
ISSUER = "https://login.example.com"


bp = Blueprint("me", __name__)


class Person(BaseModel):
    name: str


@bp.get("/me")
@login_required
@openapi.validate(resp=Response(HTTP_200=Person))
def me() -> Person:
    return Person(name=g.claims["sub"])


class Keys(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        key = RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True) | {"kid": "one", "use": "sig"}
        self.wfile.write(json.dumps({"keys": [key]}).encode())

    def log_message(self, *_: Any) -> None:
        pass


def client_of(url: str) -> FlaskClient:
    app = create_app(Settings.load(oidc_issuer=ISSUER, oidc_audience="api", oidc_jwks_url=url))
    app.register_blueprint(bp)
    return app.test_client()


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    with HTTPServer(("127.0.0.1", 0), Keys) as provider:
        threading.Thread(target=provider.serve_forever, daemon=True).start()
        yield client_of(f"http://127.0.0.1:{provider.server_port}/keys")
        provider.shutdown()


def token(key: rsa.RSAPrivateKey = KEY, **claims: Any) -> str:
    wanted = {"iss": ISSUER, "aud": "api", "sub": "ann", "exp": time.time() + 60} | claims
    return jwt.encode(wanted, key, "RS256", headers={"kid": "one"})


def test_a_token_of_the_provider_is_let_in(client: FlaskClient) -> None:
    response = client.get("/me", headers={"Authorization": f"Bearer {token()}"})

    assert (response.status_code, response.get_json()) == (200, {"name": "ann"})


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": f"Bearer {token(OTHER)}"},
        {"Authorization": f"Bearer {token(exp=1)}"},
        {"Authorization": f"Bearer {token(aud='another')}"},
        {"Authorization": f"Bearer {token(iss='https://evil.example.com')}"},
    ],
    ids=["none", "another scheme", "nonsense", "another key", "too old", "for another service", "another provider"],
)
def test_anything_else_is_401_with_the_scheme_that_is_asked_for(client: FlaskClient, sent: dict[str, str]) -> None:
    response = client.get("/me", headers=sent)

    assert (response.status_code, response.content_type) == (401, "application/problem+json")
    assert response.headers["WWW-Authenticate"].lower().startswith("bearer")


def test_a_provider_that_does_not_answer_is_503_and_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    response = client_of(f"http://127.0.0.1:{port}/keys").get("/me", headers={"Authorization": f"Bearer {token()}"})

    assert (response.status_code, response.content_type) == (503, "application/problem+json")
    assert "Connection refused" in capsys.readouterr().out
