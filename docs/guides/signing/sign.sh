#!/bin/sh
# Signs requests to Quanzi with curl and OpenSSL 3: registers a partner in the sandbox, gets a token, creates a circle, reads it.
#
#   QUANZI_URL   the gateway's public URL            http://127.0.0.1:8080
#   QUANZI_KEY   an Ed25519 private key in PEM       generated when not set
#   QUANZI_APP   the app this key belongs to         registered when not set
set -eu

url=${QUANZI_URL:-http://127.0.0.1:8080}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
key=${QUANZI_KEY:-$work/key.pem}

b64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
sha256() { openssl dgst -sha256 -binary; }
random() { openssl rand -hex 16; }

# The value of a member of a JSON response; enough for the flat responses used here.
member() { tr -d '\n' | sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p"; }

# Ed25519 over a text, as bytes. OpenSSL needs the text in a file.
ed25519() {
  printf '%s' "$1" > "$work/text"
  openssl pkeyutl -sign -rawin -inkey "$key" -in "$work/text"
}

# A JWT from its header and its claims.
jwt() {
  text=$(printf '%s' "$1" | b64url).$(printf '%s' "$2" | b64url)
  printf '%s.%s' "$text" "$(ed25519 "$text" | b64url)"
}

# 1. The key, and its kid: the RFC 7638 thumbprint, members in alphabetical order, no spaces.
[ -f "$key" ] || openssl genpkey -algorithm ed25519 -out "$key" 2>/dev/null
x=$(openssl pkey -in "$key" -pubout -outform DER | tail -c 32 | b64url)
jwk="{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"$x\"}"
keyid=$(printf '%s' "$jwk" | sha256 | b64url)

# 2. A partner of your own. Only the sandbox lets you register one yourself.
app=${QUANZI_APP:-}
if [ -z "$app" ]; then
  registration=$(curl -sS --fail-with-body "$url/sandbox/v1/partners" -H 'Content-Type: application/json' -d "{
    \"name\": \"Shell $(random | cut -c 1-6)\", \"legal_name\": \"Shell Example Ltd.\",
    \"app\": {\"name\": \"sign.sh\", \"jwks\": {\"keys\": [$jwk]}}}") || { echo "$registration" >&2; exit 1; }
  app=$(printf '%s' "$registration" | grep -o 'app_[0-9A-Z]\{26\}' | head -n 1)
fi
echo "app: $app"

# 3. A token, bound to the key. Two JWTs with one key: the first authenticates the app, the second proves possession of the key.
metadata=$(curl -sS --fail-with-body "$url/.well-known/oauth-authorization-server")
issuer=$(printf '%s' "$metadata" | member issuer)
token_endpoint=$(printf '%s' "$metadata" | member token_endpoint)
now=$(date +%s)
assertion=$(jwt "{\"alg\":\"EdDSA\",\"kid\":\"$keyid\"}" \
  "{\"iss\":\"$app\",\"sub\":\"$app\",\"aud\":\"$issuer\",\"jti\":\"$(random)\",\"iat\":$now,\"exp\":$((now + 60))}")
proof=$(jwt "{\"typ\":\"dpop+jwt\",\"alg\":\"EdDSA\",\"jwk\":$jwk}" \
  "{\"jti\":\"$(random)\",\"htm\":\"POST\",\"htu\":\"$token_endpoint\",\"iat\":$now}")
answer=$(curl -sS --fail-with-body "$token_endpoint" -H "DPoP: $proof" \
  --data-urlencode 'grant_type=client_credentials' \
  --data-urlencode 'scope=circles:read circles:write' \
  --data-urlencode 'client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer' \
  --data-urlencode "client_assertion=$assertion") || { echo "$answer" >&2; exit 1; }
token=$(printf '%s' "$answer" | member access_token)

# 4. A signed request: call METHOD PATH [BODY]
call() {
  target=$url$2
  covered='"@method" "@target-uri" "authorization"'
  base="\"@method\": $1
\"@target-uri\": $target
\"authorization\": DPoP $token"
  set -- "$1" "$2" "${3:-}" -X "$1" -H "Authorization: DPoP $token"
  if [ -n "$3" ]; then
    digest="sha-256=:$(printf '%s' "$3" | sha256 | openssl base64 -A):"
    idempotency=$(random)
    covered="$covered \"content-digest\" \"content-type\" \"idempotency-key\""
    base="$base
\"content-digest\": $digest
\"content-type\": application/json
\"idempotency-key\": $idempotency"
    set -- "$@" -H "Content-Digest: $digest" -H 'Content-Type: application/json' -H "Idempotency-Key: $idempotency" --data-binary "$3"
  fi
  params="($covered);created=$(date +%s);nonce=\"$(random)\";keyid=\"$keyid\";tag=\"fapi-2-request\""
  base="$base
\"@signature-params\": $params"
  signature=$(ed25519 "$base" | openssl base64 -A)
  debug=$(printf '%s' "$base" | openssl base64 -A)
  shift 3
  # Signature-Debug is optional: on a mismatch the sandbox names the first line that differs from this base.
  curl -sS --fail-with-body "$target" "$@" -H "Signature-Input: sig=$params" -H "Signature: sig=:$signature:" -H "Signature-Debug: :$debug:"
}

echo 'a new circle:'
circle=$(call POST /v1/circles "{\"name\": \"Letters $(random | cut -c 1-6)\", \"category\": \"reading\"}") || { echo "$circle" >&2; exit 1; }
echo "$circle"

echo 'the circles:'
call GET '/v1/circles?limit=5'
echo
