"""Hooks for schemathesis: every request is signed as docs/guides/signing/sign.py does, and about objects that exist.

Loaded by fuzz.py through SCHEMATHESIS_HOOKS. The classes of the signing guide are used as they are: what developers
copy is what is fuzzed with.
"""

import hashlib
import importlib.util
import os
import pathlib
import secrets
import time

import requests
import schemathesis

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUIDE = pathlib.Path(os.environ.get("QUANZI_SIGN_PY", ROOT / "docs/guides/signing/sign.py"))

spec = importlib.util.spec_from_file_location("sign", GUIDE)
sign = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sign)

# Headers that a signature covers when they are sent, in the order of the profile.
COVERED = ["authorization", "content-digest", "content-type", "idempotency-key", "dpop"]


class Signed(requests.auth.AuthBase):
    """Signs a request when it is complete: these are the very bytes that are sent."""

    def __init__(self):
        self.key = sign.Key.load_or_make()
        self.app = sign.register(self.key)
        document = sign.send("GET", f"{sign.URL}/openapi.json", {})
        scopes = document["components"]["securitySchemes"]["token"]["flows"]["clientCredentials"]["scopes"]
        self.token = sign.get_token(self.key, self.app, " ".join(scopes))

    def __call__(self, request):
        for name in ["Signature", "Signature-Input", "Content-Digest", "DPoP"]:
            request.headers.pop(name, None)
        request.headers["Authorization"] = f"DPoP {self.token}"
        body = request.body.encode() if isinstance(request.body, str) else request.body
        if body:
            request.headers["Content-Digest"] = f"sha-256=:{sign.b64(hashlib.sha256(body).digest())}:"
        sent = {name.lower(): text(value).strip() for name, value in request.headers.items()}
        lines = {"@method": request.method, "@target-uri": request.url}
        lines |= {name: sent[name] for name in COVERED if name in sent}
        covered = " ".join(f'"{name}"' for name in lines)
        params = (
            f'({covered});created={int(time.time())};nonce="{secrets.token_hex(16)}";'
            f'keyid="{self.key.id}";tag="fapi-2-request"'
        )
        base = "\n".join([f'"{name}": {value}' for name, value in lines.items()] + [f'"@signature-params": {params}'])
        request.headers["Signature-Input"] = f"sig={params}"
        request.headers["Signature"] = f"sig=:{sign.b64(self.key.private.sign(base.encode('latin-1')))}:"
        return request


def text(value):
    return value.decode("latin-1") if isinstance(value, bytes) else value


signed = Signed()
schemathesis.auth.set_from_requests(signed)


def make_objects():
    """One object of each kind that a path can name, so that requests get further than 404."""

    def call(method, path, value=None):
        return sign.call(signed.key, signed.token, method, path, value)

    fan = call("POST", "/sandbox/v1/fans", {"nickname": "Fuzz"})["id"]
    circle = call("POST", "/v1/circles", {"name": f"Fuzzed {secrets.token_hex(3)}"})["id"]
    call("POST", f"/v1/circles/{circle}/open")
    membership = call("POST", f"/v1/circles/{circle}/memberships", {"fan": fan})["id"]
    post = call("POST", f"/v1/circles/{circle}/posts", {"body": "Something to talk about."})["id"]
    comment = call("POST", f"/v1/posts/{post}/comments", {"text": "Indeed."})["id"]
    payment = call(
        "POST",
        "/v1/payments",
        {"fan": fan, "circle": circle, "kind": "tip", "amount": {"amount": 100, "currency": "CNY"}},
    )["id"]
    return {
        "app": signed.app,
        "fan": fan,
        "circle": circle,
        "membership": membership,
        "post": post,
        "comment": comment,
        "payment": payment,
    }


objects = make_objects()


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Half of the time an object that exists, as long as the parameter is an id at all."""
    for name, value in (path_parameters or {}).items():
        known = objects.get(name)
        if known and isinstance(value, str) and value[:4] == known[:4] and sum(value.encode()) % 2:
            path_parameters[name] = known
    return path_parameters
