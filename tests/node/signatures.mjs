// Signs with the npm package http-message-signatures, which knows nothing of us, and believes our answers with it, bound to the request.
import { createPublicKey } from "node:crypto";
import { createVerifier, httpbis } from "http-message-signatures";
import { App, digest } from "./app.mjs";
import { gateway, must } from "./sandbox.mjs";

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
  const asked = { keyLookup, requiredParams: ["created", "keyid", "tag"], tolerance: 30 };
  return (await httpbis.verifyMessage(asked, answer, request)) && digest(answer.body) === answer.headers["content-digest"];
}

async function run(algorithm) {
  const app = await App.register(`http-message-signatures ${algorithm}`, algorithm, "http://127.0.0.1/back");
  const token = await app.token("circles:write");
  const resource = await (await fetch(`${gateway}/.well-known/oauth-protected-resource`)).json();
  const { keys } = await (await fetch(resource.jwks_uri)).json();

  const request = await app.sign(token, "POST", "/v1/circles", { name: "Letters by npm", category: "reading" });
  const made = await send(request);
  must(made.status === 201, `a circle: ${made.status} ${made.body}`);
  must(await believe(keys, made, request), "the answer is not believed");
  const nameless = await app.sign(token, "POST", "/v1/circles", { name: "" });
  const refused = await send(nameless);
  must(refused.status === 400, `a circle without a name: ${refused.status} ${refused.body}`);
  must(await believe(keys, refused, nameless), "the refusal is not believed");

  must(!(await believe(keys, { ...made, body: `${made.body} ` }, request)), "an altered body was believed");
  must(!(await believe(keys, { ...made, status: 200 }, request)), "another status was believed");
  must(!(await believe(keys, made, nameless)), "an answer to another request was believed");
  console.log(`${algorithm}: signed by the package, and believed by it: ${JSON.parse(made.body).id}`);
}

for (const algorithm of ["Ed25519", "ES256"]) await run(algorithm);
