// Takes the npm package openid-client, which knows nothing of us, the whole way of a fan: discovery, pushed request, sign-in, consent,
// code, id token, userinfo, refresh, introspection, revocation. Once with an ES256 and once with an Ed25519 key of the app.
import * as openid from "openid-client";
import { decodeJwt } from "jose";
import { Browser, gateway, must, refusal, register } from "./sandbox.mjs";

// Without a query: at the exchange the package sends the address without any, but what was pushed has to come again, character for
// character (RFC 6749, 4.1.3). The stories in tests/tests/stories/consent.rs have one.
const redirectUri = "http://127.0.0.1/back";
const scope = "openid profile:nickname circles:join";

async function discover(algorithm) {
  const key = await openid.randomDPoPKeyPair(algorithm, { extractable: true });
  const app = await register(`openid-client ${algorithm}`, key.publicKey, redirectUri);
  // What a wrong issuer, a wrong `typ` or an unsigned id token would be refused for is the library's to check.
  const options = { execute: [openid.allowInsecureRequests, openid.enableNonRepudiationChecks] };
  const authentication = openid.PrivateKeyJwt(key.privateKey);
  return openid.discovery(new URL(gateway), app, undefined, authentication, options);
}

/** The address for a fan's browser, and what is needed to take the answer. */
async function ask(config, DPoP, parameters = {}) {
  const checks = {
    pkceCodeVerifier: openid.randomPKCECodeVerifier(),
    expectedState: openid.randomState(),
    expectedNonce: openid.randomNonce(),
    idTokenExpected: true,
  };
  const address = await openid.buildAuthorizationUrlWithPAR(
    config,
    {
      redirect_uri: redirectUri,
      scope,
      state: checks.expectedState,
      nonce: checks.expectedNonce,
      code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
      code_challenge_method: "S256",
      ...parameters,
    },
    { DPoP },
  );
  return { address: address.href, checks };
}

async function walk(algorithm) {
  const config = await discover(algorithm);
  const server = config.serverMetadata();
  must(server.supportsPKCE() && server.require_pushed_authorization_requests, "the metadata says how requests are made");
  const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair(algorithm));

  // The fan says no, and the library says so to the app.
  const no = await ask(config, DPoP);
  const denied = await new Browser().decide(no.address, "Mei", "deny");
  const why = await refusal(openid.authorizationCodeGrant(config, denied, no.checks, undefined, { DPoP }), "a fan's no");
  must(why.error === "access_denied", `a fan's no became ${why}`);

  // The fan agrees. The library checks state, iss, the id token's signature, iss, aud, nonce, exp and auth_time.
  const yes = await ask(config, DPoP, { max_age: "3600" });
  const back = await new Browser().decide(yes.address, "Mei", "allow");
  const foreign = { ...yes.checks, expectedState: openid.randomState() };
  await refusal(openid.authorizationCodeGrant(config, back, foreign, undefined, { DPoP }), "somebody else's state");
  const tokens = await openid.authorizationCodeGrant(config, back, { ...yes.checks, maxAge: 3600 }, undefined, { DPoP });
  const { sub } = tokens.claims();
  must(tokens.token_type === "dpop" && tokens.scope === scope, `tokens: ${JSON.stringify(tokens)}`);
  must(sub.startsWith("fan_") && decodeJwt(tokens.access_token).sub === sub, `one fan in both tokens: ${sub}`);

  const shared = await openid.fetchUserInfo(config, tokens.access_token, sub, { DPoP });
  must(shared.nickname === "Mei", `userinfo: ${JSON.stringify(shared)}`);
  const me = await openid.fetchProtectedResource(
    config, tokens.access_token, new URL(`${gateway}/v1/me`), "GET", undefined, undefined, { DPoP });
  must((await me.json()).fan === sub, "the API knows the same fan");

  // Refreshed with fewer scopes; the refresh token stays the same, and the next one still has them all.
  const narrow = await openid.refreshTokenGrant(config, tokens.refresh_token, { scope: "openid" }, { DPoP });
  must(narrow.scope === "openid", `narrowed: ${narrow.scope}`);
  const wider = openid.refreshTokenGrant(config, tokens.refresh_token, { scope: `${scope} payments:tip` }, { DPoP });
  must((await refusal(wider, "a wider scope")).error === "invalid_scope", "a wider scope is invalid_scope");
  const fresh = await openid.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
  must(fresh.scope === scope && decodeJwt(fresh.access_token).sub === sub, `refreshed: ${JSON.stringify(fresh)}`);
  const told = await openid.tokenIntrospection(config, fresh.access_token);
  must(told.active && told.sub === sub && told.token_type === "DPoP", `introspected: ${JSON.stringify(told)}`);

  // Revoked: neither the refresh token nor what was made of it is worth anything.
  await openid.tokenRevocation(config, tokens.refresh_token);
  const late = openid.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
  must((await refusal(late, "a revoked refresh token")).error === "invalid_grant", "revoked is invalid_grant");
  must(!(await openid.tokenIntrospection(config, fresh.access_token)).active, "its access tokens end with it");
  const shut = openid.fetchUserInfo(config, fresh.access_token, sub, { DPoP });
  must((await refusal(shut, "userinfo with a revoked token")).status === 401, "userinfo answers 401");

  // A code that comes twice is refused.
  const again = openid.authorizationCodeGrant(config, back, { ...yes.checks, maxAge: 3600 }, undefined, { DPoP });
  must((await refusal(again, "a code that was used")).error === "invalid_grant", "a used code is invalid_grant");

  // And the app for itself.
  const own = await openid.clientCredentialsGrant(config, { scope: "circles:read" }, { DPoP });
  must(own.token_type === "dpop" && own.scope === "circles:read", `its own: ${JSON.stringify(own)}`);
  console.log(`${algorithm}: a fan, ${sub}, all the way`);
}

for (const algorithm of ["ES256", "Ed25519"]) await walk(algorithm);
