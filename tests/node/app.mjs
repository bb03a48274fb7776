// An app made of software nobody here wrote: openid-client for tokens, http-message-signatures for signed calls, one key for both.
import { createHash, randomUUID } from "node:crypto";
import { calculateJwkThumbprint, exportJWK } from "jose";
import { createSigner, httpbis } from "http-message-signatures";
import * as openid from "openid-client";
import { gateway, register } from "./sandbox.mjs";

const algorithms = { Ed25519: "ed25519", ES256: "ecdsa-p256-sha256" };

/** `Content-Digest` of a body (RFC 9530). */
export const digest = (body) => `sha-256=:${createHash("sha256").update(body).digest("base64")}:`;

export class App {
  /** Registers a partner with this name, and an app whose key is made with this algorithm. */
  static async register(name, algorithm, redirectUri) {
    const key = await openid.randomDPoPKeyPair(algorithm, { extractable: true });
    const id = await register(name, key.publicKey, redirectUri);
    // With non-repudiation checks the package also verifies the signature of id tokens, which TLS would do for it elsewhere.
    const options = { execute: [openid.allowInsecureRequests, openid.enableNonRepudiationChecks] };
    const config = await openid.discovery(new URL(gateway), id, undefined, openid.PrivateKeyJwt(key.privateKey), options);
    const der = Buffer.from(await crypto.subtle.exportKey("pkcs8", key.privateKey)).toString("base64");
    const pem = `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`;
    const signer = createSigner(pem, algorithms[algorithm], await calculateJwkThumbprint(await exportJWK(key.publicKey)));
    // The proof's key is the one that signs: so a signed call needs no proof of its own.
    return Object.assign(new App(), { id, config, redirectUri, signer, DPoP: openid.getDPoPHandle(config, key) });
  }

  /** A token of the app itself. */
  async token(scope) {
    return (await openid.clientCredentialsGrant(this.config, { scope }, { DPoP: this.DPoP })).access_token;
  }

  /** Pushes a request: the address for a fan's browser, and what is needed to take the answer. */
  async ask(scope, parameters = {}) {
    const checks = {
      pkceCodeVerifier: openid.randomPKCECodeVerifier(),
      expectedState: openid.randomState(),
      expectedNonce: openid.randomNonce(),
      idTokenExpected: true,
    };
    const request = {
      redirect_uri: this.redirectUri,
      scope,
      state: checks.expectedState,
      nonce: checks.expectedNonce,
      code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
      code_challenge_method: "S256",
      ...parameters,
    };
    const address = await openid.buildAuthorizationUrlWithPAR(this.config, request, { DPoP: this.DPoP });
    return { address: address.href, checks };
  }

  /** Exchanges the code a browser came back with. The package checks state, iss, and of the id token signature, iss, aud, nonce and exp. */
  exchange(back, checks) {
    return openid.authorizationCodeGrant(this.config, back, checks, undefined, { DPoP: this.DPoP });
  }

  /** The next token. */
  refresh(refreshToken, parameters) {
    return openid.refreshTokenGrant(this.config, refreshToken, parameters, { DPoP: this.DPoP });
  }

  /** A request to the API with this token, signed by the package. */
  async sign(token, method, path, value, headers = {}) {
    const body = value === undefined ? undefined : JSON.stringify(value);
    const all = { authorization: `DPoP ${token}`, ...headers };
    if (body !== undefined) Object.assign(all, { "content-digest": digest(body), "content-type": "application/json" });
    if (method === "POST") all["idempotency-key"] = randomUUID();
    const request = { method, url: gateway + path, headers: all };
    const covered = Object.keys(all).filter((name) => name !== "if-match");
    const fields = ["@method", "@target-uri", ...covered];
    // The algorithm is the registered key's, so `alg` is left out.
    const params = ["created", "nonce", "keyid", "tag"];
    const paramValues = { nonce: randomUUID(), tag: "fapi-2-request" };
    return { ...(await httpbis.signMessage({ key: this.signer, fields, params, paramValues }, request)), body };
  }

  /** Calls the API: status and what it says. */
  async call(token, method, path, value, headers) {
    const request = await this.sign(token, method, path, value, headers);
    const answer = await fetch(request.url, request);
    const text = await answer.text();
    return { status: answer.status, json: text ? JSON.parse(text) : null };
  }
}
