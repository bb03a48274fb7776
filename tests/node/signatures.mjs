// Signs with the npm package http-message-signatures, which knows nothing of us, and believes our answers with it, bound to the request.
import { createHash, createPublicKey, randomUUID } from "node:crypto";
import { exportJWK, calculateJwkThumbprint } from "jose";
import { createSigner, createVerifier, httpbis } from "http-message-signatures";
import * as openid from "openid-client";
import { gateway, must, register } from "./sandbox.mjs";

const algorithms = { Ed25519: "ed25519", ES256: "ecdsa-p256-sha256" };
const digest = (body) => `sha-256=:${createHash("sha256").update(body).digest("base64")}:`;

/** A request to make a circle, signed by the package with this signer. */
async function signed(signer, token, value) {
  const body = JSON.stringify(value);
  const request = {
    method: "POST",
    url: `${gateway}/v1/circles`,
    headers: {
      authorization: `DPoP ${token}`,
      "content-digest": digest(body),
      "content-type": "application/json",
      "idempotency-key": randomUUID(),
    },
  };
  const fields = ["@method", "@target-uri", ...Object.keys(request.headers)];
  // The algorithm is the registered key's, so `alg` is left out.
  const params = ["created", "nonce", "keyid", "tag"];
  const paramValues = { nonce: randomUUID(), tag: "fapi-2-request" };
  return { ...(await httpbis.signMessage({ key: signer, fields, params, paramValues }, request)), body };
}

async function send(request) {
  const answer = await fetch(request.url, request);
  return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() };
}

/** What a program must check: the tag, what is covered, the signature, and the digest against the bytes. */
async function believe(keys, answer, request) {
  const keyLookup = ({ keyid, tag }) => {
    const jwk = tag === "fapi-2-response" && keys.find(({ kid }) => kid === keyid);
    return jwk && { id: keyid, algs: ["ed25519"], verify: createVerifier(createPublicKey({ key: jwk, format: "jwk" }), "ed25519") };
  };
  // The package takes `"@method"` for `"@method";req`, so it is asked here which components are bound to the request.
  const covered = answer.headers["signature-input"];
  const bound = ["@method", "@target-uri", "content-digest", "signature", "signature-input"].map((name) => `"${name}";req`);
  for (const component of ['"@status"', '"content-digest"', '"content-type"', ...bound]) {
    must(covered.includes(component), `${component} is not covered by ${covered}`);
  }
  const isGenuine = await httpbis.verifyMessage({ keyLookup, requiredParams: ["created", "keyid", "tag"], tolerance: 30 }, answer, request);
  return isGenuine === true && digest(answer.body) === answer.headers["content-digest"];
}

async function run(algorithm) {
  const pair = await openid.randomDPoPKeyPair(algorithm, { extractable: true });
  const app = await register(`http-message-signatures ${algorithm}`, pair.publicKey, "http://127.0.0.1/back");
  const options = { execute: [openid.allowInsecureRequests] };
  const config = await openid.discovery(new URL(gateway), app, undefined, openid.PrivateKeyJwt(pair.privateKey), options);
  // The token is bound to the key that signs: the signature is the proof of possession.
  const DPoP = openid.getDPoPHandle(config, pair);
  const token = (await openid.clientCredentialsGrant(config, { scope: "circles:write" }, { DPoP })).access_token;
  const keyid = await calculateJwkThumbprint(await exportJWK(pair.publicKey));
  const { subtle } = globalThis.crypto;
  const pem = Buffer.from(await subtle.exportKey("pkcs8", pair.privateKey)).toString("base64");
  const signer = createSigner(`-----BEGIN PRIVATE KEY-----\n${pem}\n-----END PRIVATE KEY-----\n`, algorithms[algorithm], keyid);
  const resource = await (await fetch(`${gateway}/.well-known/oauth-protected-resource`)).json();
  const { keys } = await (await fetch(resource.jwks_uri)).json();

  const request = await signed(signer, token, { name: "Letters by npm", category: "reading" });
  const made = await send(request);
  must(made.status === 201, `a circle: ${made.status} ${made.body}`);
  must(await believe(keys, made, request), "the answer is not believed");
  const empty = await signed(signer, token, { name: "" });
  const refused = await send(empty);
  must(refused.status === 400, `a circle without a name: ${refused.status} ${refused.body}`);
  must(await believe(keys, refused, empty), "the refusal is not believed");

  must(!(await believe(keys, { ...made, body: `${made.body} ` }, request)), "an altered body was believed");
  must(!(await believe(keys, { ...made, status: 200 }, request)), "another status was believed");
  must(!(await believe(keys, made, empty)), "an answer to another request was believed");
  console.log(`${algorithm}: signed by the package, and believed by it: ${JSON.parse(made.body).id}`);
}

for (const algorithm of Object.keys(algorithms)) await run(algorithm);
