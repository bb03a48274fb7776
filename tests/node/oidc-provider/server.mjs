// npm oidc-provider in its FAPI 2.0 profile, to be measured beside us: one client, client_credentials, access tokens that are JWTs as ours.
//
//   CLIENT_JWK     the public key of the client “load”
//   DATABASE_URL   where what must be remembered is kept; without it, in memory, in the package's own adapter
//
// Prints its address when it listens.
import { createServer } from "node:http";
import { exportJWK, generateKeyPair } from "jose";
import Provider from "oidc-provider";
import { postgresAdapter } from "./postgres.mjs";

const signing = { ...(await exportJWK((await generateKeyPair("Ed25519", { extractable: true })).privateKey)), alg: "EdDSA", use: "sig" };
const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
const algorithms = ["EdDSA", "Ed25519", "ES256"];

const provider = new Provider(issuer, {
  adapter: process.env.DATABASE_URL ? await postgresAdapter(process.env.DATABASE_URL) : undefined,
  jwks: { keys: [signing] },
  clients: [
    {
      client_id: "load",
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "EdDSA",
      id_token_signed_response_alg: "EdDSA",
      dpop_bound_access_tokens: true,
      jwks: { keys: [JSON.parse(process.env.CLIENT_JWK)] },
    },
  ],
  scopes: ["circles:read"],
  clientAuthMethods: ["private_key_jwt"],
  enabledJWA: { clientAuthSigningAlgValues: algorithms, dPoPSigningAlgValues: algorithms, idTokenSigningAlgValues: algorithms },
  features: {
    fapi: { enabled: true, profile: "2.0" },
    dPoP: { enabled: true },
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => issuer,
      getResourceServerInfo: () => ({
        scope: "circles:read",
        audience: issuer,
        accessTokenTTL: 300,
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: "EdDSA" } },
      }),
    },
  },
});
provider.on("server_error", (_, error) => console.error(error));
provider.on("grant.error", (_, error) => console.error(error.message, error.error_detail));
server.on("request", provider.callback());
console.log(issuer);
