#!/usr/bin/env node
// Signs requests to Quanzi: registers a partner in the sandbox, gets a token, creates a circle, reads it.
// Needs only Node 18.
//
//   QUANZI_URL   the gateway's public URL            http://127.0.0.1:8080
//   QUANZI_KEY   an Ed25519 private key in PEM       generated when not set
//   QUANZI_APP   the app this key belongs to         registered when not set

import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { readFileSync } from "node:fs";

const URL = process.env.QUANZI_URL ?? "http://127.0.0.1:8080";

const sha256 = (data) => createHash("sha256").update(data).digest();
const random = (bytes = 16) => randomBytes(bytes).toString("hex");
const now = () => Math.floor(Date.now() / 1000);
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

async function send(method, url, headers, body) {
  const answer = await fetch(url, { method, headers, body, signal: AbortSignal.timeout(10_000) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status}\n${text}`);
  return JSON.parse(text);
}

// An Ed25519 key. Its kid is the RFC 7638 thumbprint of its public half: members in alphabetical order, no spaces.
function loadOrMakeKey() {
  const path = process.env.QUANZI_KEY;
  const privateKey = path ? createPrivateKey(readFileSync(path)) : generateKeyPairSync("ed25519").privateKey;
  const { crv, kty, x } = createPublicKey(privateKey).export({ format: "jwk" });
  const jwk = { crv, kty, x };
  return { privateKey, jwk, id: sha256(JSON.stringify(jwk)).toString("base64url") };
}

function jwt(key, header, claims) {
  const text = `${part({ alg: "EdDSA", ...header })}.${part(claims)}`;
  return `${text}.${sign(null, Buffer.from(text), key.privateKey).toString("base64url")}`;
}

// A partner of your own. Only the sandbox lets you register one yourself.
async function register(key) {
  const partner = {
    name: `Node ${random(3)}`,
    legal_name: "Node Example Ltd.",
    app: { name: "sign.mjs", jwks: { keys: [key.jwk] } },
  };
  const headers = { "Content-Type": "application/json" };
  return (await send("POST", `${URL}/sandbox/v1/partners`, headers, JSON.stringify(partner))).app.id;
}

// Two JWTs with one key: the first authenticates the app, the second proves possession of the key.
async function getToken(key, app) {
  const server = await send("GET", `${URL}/.well-known/oauth-authorization-server`, {});
  const iat = now();
  const assertion = jwt(key, { kid: key.id }, { iss: app, sub: app, aud: server.issuer, jti: random(), iat, exp: iat + 60 });
  const proof = jwt(key, { typ: "dpop+jwt", jwk: key.jwk }, { jti: random(), htm: "POST", htu: server.token_endpoint, iat });
  const form = new URLSearchParams({
    grant_type: "client_credentials",
    scope: "circles:read circles:write",
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: assertion,
  });
  return (await send("POST", server.token_endpoint, { DPoP: proof }, form)).access_token;
}

// A signed request. The lines of the base are in the order of the covered components.
async function call(key, token, method, path, value) {
  const target = URL + path;
  const headers = { Authorization: `DPoP ${token}` };
  let body;
  if (value !== undefined) {
    body = JSON.stringify(value);
    headers["Content-Digest"] = `sha-256=:${sha256(body).toString("base64")}:`;
    headers["Content-Type"] = "application/json";
  }
  if (method === "POST") headers["Idempotency-Key"] = random();

  const named = Object.entries(headers).map(([name, text]) => [name.toLowerCase(), text]);
  const lines = [["@method", method], ["@target-uri", target], ...named];
  const covered = lines.map(([name]) => `"${name}"`).join(" ");
  const params = `(${covered});created=${now()};nonce="${random()}";keyid="${key.id}";tag="fapi-2-request"`;
  const base = [...lines, ["@signature-params", params]].map(([name, text]) => `"${name}": ${text}`).join("\n");

  headers["Signature-Input"] = `sig=${params}`;
  headers["Signature"] = `sig=:${sign(null, Buffer.from(base), key.privateKey).toString("base64")}:`;
  // Optional: on a mismatch the sandbox names the first line that differs from this base.
  headers["Signature-Debug"] = `:${Buffer.from(base).toString("base64")}:`;
  return send(method, target, headers, body);
}

const key = loadOrMakeKey();
const app = process.env.QUANZI_APP ?? (await register(key));
console.log("app:", app);
const token = await getToken(key, app);

const circle = await call(key, token, "POST", "/v1/circles", { name: `Letters ${random(3)}`, category: "reading" });
console.log("a new circle:", circle);

const same = await call(key, token, "GET", `/v1/circles/${circle.id}`);
console.log("read again:", same.name, "is", same.status);
