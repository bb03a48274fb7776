#!/usr/bin/env python3
"""Signs requests to Quanzi: registers a partner in the sandbox, gets a token, creates a circle, reads it.

Needs Python 3.9 and the package `cryptography`; the rest is the standard library.

    QUANZI_URL   the gateway's public URL            http://127.0.0.1:8080
    QUANZI_KEY   an Ed25519 private key in PEM       generated when not set
    QUANZI_APP   the app this key belongs to         registered when not set
"""

import base64
import hashlib
import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

URL = os.environ.get("QUANZI_URL", "http://127.0.0.1:8080")


def b64(data):
    return base64.b64encode(data).decode()


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(value):
    """JSON without spaces, members in alphabetical order."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def send(method, url, headers, body=None):
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        sys.exit(f"{method} {url}: {refusal.status}\n{refusal.read().decode()}")


class Key:
    """An Ed25519 key. Its kid is the RFC 7638 thumbprint of its public half."""

    def __init__(self, private):
        self.private = private
        raw = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.jwk = {"crv": "Ed25519", "kty": "OKP", "x": b64url(raw)}
        self.id = b64url(hashlib.sha256(compact(self.jwk)).digest())

    @classmethod
    def load_or_make(cls):
        if path := os.environ.get("QUANZI_KEY"):
            with open(path, "rb") as file:
                return cls(serialization.load_pem_private_key(file.read(), password=None))
        return cls(Ed25519PrivateKey.generate())

    def jwt(self, header, claims):
        text = b64url(compact({"alg": "EdDSA", **header})) + "." + b64url(compact(claims))
        return text + "." + b64url(self.private.sign(text.encode()))


def register(key):
    """A partner of your own. Only the sandbox lets you register one yourself."""
    partner = {
        "name": f"Python {secrets.token_hex(3)}",
        "legal_name": "Python Example Ltd.",
        "app": {"name": "sign.py", "jwks": {"keys": [key.jwk]}},
    }
    answer = send("POST", f"{URL}/sandbox/v1/partners", {"Content-Type": "application/json"}, compact(partner))
    return answer["app"]["id"]


def get_token(key, app, scope="circles:read circles:write"):
    """Two JWTs with one key: the first authenticates the app, the second proves possession of the key."""
    server = send("GET", f"{URL}/.well-known/oauth-authorization-server", {})
    now = int(time.time())
    assertion = key.jwt(
        {"kid": key.id},
        {"iss": app, "sub": app, "aud": server["issuer"], "jti": secrets.token_hex(16), "iat": now, "exp": now + 60},
    )
    proof = key.jwt(
        {"typ": "dpop+jwt", "jwk": key.jwk},
        {"jti": secrets.token_hex(16), "htm": "POST", "htu": server["token_endpoint"], "iat": now},
    )
    form = {
        "grant_type": "client_credentials",
        "scope": scope,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
    }
    headers = {"DPoP": proof, "Content-Type": "application/x-www-form-urlencoded"}
    return send("POST", server["token_endpoint"], headers, urllib.parse.urlencode(form).encode())["access_token"]


def call(key, token, method, path, value=None):
    """A signed request. The lines of the base are in the order of the covered components."""
    target = URL + path
    headers = {"Authorization": f"DPoP {token}"}
    body = None
    if value is not None:
        body = json.dumps(value).encode()
        headers["Content-Digest"] = f"sha-256=:{b64(hashlib.sha256(body).digest())}:"
        headers["Content-Type"] = "application/json"
    if method == "POST":
        headers["Idempotency-Key"] = secrets.token_hex(16)

    lines = {"@method": method, "@target-uri": target, **{name.lower(): text for name, text in headers.items()}}
    covered = " ".join(f'"{name}"' for name in lines)
    params = (
        f'({covered});created={int(time.time())};nonce="{secrets.token_hex(16)}";'
        f'keyid="{key.id}";tag="fapi-2-request"'
    )
    base = "\n".join([f'"{name}": {text}' for name, text in lines.items()] + [f'"@signature-params": {params}'])

    headers["Signature-Input"] = f"sig={params}"
    headers["Signature"] = f"sig=:{b64(key.private.sign(base.encode()))}:"
    # Optional: on a mismatch the sandbox names the first line that differs from this base.
    headers["Signature-Debug"] = f":{b64(base.encode())}:"
    return send(method, target, headers, body)


def main():
    key = Key.load_or_make()
    app = os.environ.get("QUANZI_APP") or register(key)
    print("app:", app)
    token = get_token(key, app)

    circle = call(key, token, "POST", "/v1/circles", {"name": f"Letters {secrets.token_hex(3)}", "category": "reading"})
    print("a new circle:", json.dumps(circle, indent=2, ensure_ascii=False))

    same = call(key, token, "GET", f"/v1/circles/{circle['id']}")
    print("read again:", same["name"], "is", same["status"])


if __name__ == "__main__":
    main()
