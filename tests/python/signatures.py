"""Signs with the PyPI package http-message-signatures and believes our answers with it: signatures.py, the gateway in QUANZI_URL

Key, registration and token are those of the signing guide; everything of RFC 9421 is the package's, which knows nothing of us.
"""

import http.client
import json
import secrets
import sys
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    InvalidSignature,
    MappingKeyResolver,
    algorithms,
)

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "guides" / "signing"))
import sign as guide  # noqa: E402


@dataclass
class Request:
    method: str
    url: str
    headers: dict


@dataclass
class Response:
    status_code: int
    headers: http.client.HTTPMessage
    request: Request


def send(request, body):
    """Every answer, a refusal too, with its fields as they came."""
    address = urllib.parse.urlsplit(request.url)
    connection = http.client.HTTPConnection(address.netloc, timeout=10)
    connection.request(request.method, address.path, body, request.headers)
    answer = connection.getresponse()
    return Response(answer.status, answer.headers, request), answer.read()


def public_keys():
    """The keys that sign our answers, where the resource's metadata says they stand."""
    resource = guide.send("GET", f"{guide.URL}/.well-known/oauth-protected-resource", {})
    keys = guide.send("GET", resource["jwks_uri"], {})["keys"]
    read = lambda jwk: Ed25519PublicKey.from_public_bytes(guide.base64.urlsafe_b64decode(jwk["x"] + "=="))
    return {jwk["kid"]: read(jwk) for jwk in keys if jwk.get("crv") == "Ed25519"}


key = guide.Key.load_or_make()
token = guide.get_token(key, guide.register(key))
keys = MappingKeyResolver(public_keys=public_keys(), private_keys={key.id: key.private})
signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=keys)
verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=keys)


def call(value):
    """Makes a circle: the answer, with its body."""
    body = json.dumps(value).encode()
    headers = {
        "Authorization": f"DPoP {token}",
        "Content-Type": "application/json",
        "Idempotency-Key": secrets.token_hex(16),
    }
    request = Request("POST", f"{guide.URL}/v1/circles", headers)
    covered = ("@method", "@target-uri", "authorization", "content-type", "idempotency-key")
    # Given the body, the package adds Content-Digest and covers it. The algorithm is the key's, so `alg` is left out.
    signer.sign(
        request,
        key_id=key.id,
        nonce=secrets.token_hex(16),
        tag="fapi-2-request",
        include_alg=False,
        covered_component_ids=covered,
        body=body,
    )
    return send(request, body)


def believe(response, body):
    bound = ("@method", "@target-uri", "content-digest", "signature", "signature-input")
    required = ["@status", "content-digest", "content-type", *(f'"{name}";req' for name in bound)]
    return verifier.verify(response, expect_tag="fapi-2-response", require_components=required, body=body)


def disbelieve(response, body, what):
    try:
        believe(response, body)
    except InvalidSignature:
        return
    raise SystemExit(f"{what} was believed")


made, made_body = call({"name": "Letters by PyPI", "category": "reading"})
assert made.status_code == 201, made_body
believe(made, made_body)
refused, refused_body = call({"name": ""})
assert refused.status_code == 400, (refused.status_code, refused_body)
believe(refused, refused_body)

disbelieve(made, made_body + b" ", "an altered body")
disbelieve(Response(200, made.headers, made.request), made_body, "another status")
disbelieve(Response(made.status_code, made.headers, refused.request), made_body, "an answer to another request")
print("signed by the package, and believed by it:", json.loads(made_body)["id"])
