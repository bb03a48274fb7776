// Takes the npm package openid-client, which knows nothing of us, the whole way of a fan: discovery, pushed request, sign-in, consent,
// code, id token, userinfo, refresh, introspection, revocation. Once with an ES256 and once with an Ed25519 key of the app.
import * as openid from "openid-client";
import { decodeJwt } from "jose";
import { App } from "./app.mjs";
import { Browser, gateway, must, refusal } from "./sandbox.mjs";

const scope = "openid profile:nickname circles:join";
// Without a query: at the exchange the package sends the address without any, but what was pushed has to come again, character for
// character (RFC 6749, 4.1.3). The stories in tests/tests/stories/consent.rs have one.
const redirectUri = "http://127.0.0.1/back";

async function walk(algorithm) {
  const app = await App.register(`openid-client ${algorithm}`, algorithm, redirectUri);
  const { config, DPoP } = app;
  const server = config.serverMetadata();
  must(server.supportsPKCE() && server.require_pushed_authorization_requests, "the metadata says how requests are made");

  // The fan says no, and the library says so to the app.
  const no = await app.ask(scope);
  const denied = await new Browser().decide(no.address, "Mei", "deny");
  const why = await refusal(app.exchange(denied, no.checks), "a fan's no");
  must(why.error === "access_denied", `a fan's no became ${why}`);

  // Another agrees. An answer that belongs to somebody else's session is refused by the library, and uses nothing up.
  const yes = await app.ask(scope, { max_age: "3600" });
  yes.checks.maxAge = 3600;
  const back = await new Browser().decide(yes.address, "Mei", "allow");
  await refusal(app.exchange(back, { ...yes.checks, expectedState: openid.randomState() }), "somebody else's state");
  const tokens = await app.exchange(back, yes.checks);
  const { sub } = tokens.claims();
  must(tokens.token_type === "dpop" && tokens.scope === scope, `tokens: ${JSON.stringify(tokens)}`);
  must(sub.startsWith("fan_") && decodeJwt(tokens.access_token).sub === sub, `one fan in both tokens: ${sub}`);

  const shared = await openid.fetchUserInfo(config, tokens.access_token, sub, { DPoP });
  must(shared.nickname === "Mei", `userinfo: ${JSON.stringify(shared)}`);
  // Not signed but proved, by the package.
  const read = [tokens.access_token, new URL(`${gateway}/v1/me`), "GET", undefined, undefined, { DPoP }];
  const me = await openid.fetchProtectedResource(config, ...read);
  must((await me.json()).fan === sub, "the API knows the same fan");

  // Refreshed with fewer scopes; the refresh token stays the same, and the next one still has them all.
  const narrow = await app.refresh(tokens.refresh_token, { scope: "openid" });
  must(narrow.scope === "openid", `narrowed: ${narrow.scope}`);
  const wider = await refusal(app.refresh(tokens.refresh_token, { scope: `${scope} payments:tip` }), "a wider scope");
  must(wider.error === "invalid_scope", `a wider scope is ${wider.error}`);
  const fresh = await app.refresh(tokens.refresh_token);
  must(fresh.scope === scope && decodeJwt(fresh.access_token).sub === sub, `refreshed: ${JSON.stringify(fresh)}`);
  const told = await openid.tokenIntrospection(config, fresh.access_token);
  must(told.active && told.sub === sub && told.token_type === "DPoP", `introspected: ${JSON.stringify(told)}`);

  // Revoked: neither the refresh token nor what was made of it is worth anything.
  await openid.tokenRevocation(config, tokens.refresh_token);
  const late = await refusal(app.refresh(tokens.refresh_token), "a revoked refresh token");
  must(late.error === "invalid_grant", `a revoked refresh token is ${late.error}`);
  must(!(await openid.tokenIntrospection(config, fresh.access_token)).active, "its access tokens end with it");
  const shut = await refusal(openid.fetchUserInfo(config, fresh.access_token, sub, { DPoP }), "userinfo with a revoked token");
  must(shut.status === 401, `userinfo answers ${shut.status}`);
  const again = await refusal(app.exchange(back, yes.checks), "a code that was used");
  must(again.error === "invalid_grant", `a used code is ${again.error}`);

  // And the app for itself.
  must((await openid.clientCredentialsGrant(config, { scope: "circles:read" }, { DPoP })).scope === "circles:read", "its own token");
  console.log(`${algorithm}: a fan, ${sub}, all the way`);
}

for (const algorithm of ["ES256", "Ed25519"]) await walk(algorithm);
