// What scripts need of a sandbox that no library does for them: a partner of their own, and a fan's browser that keeps cookies.
import { exportJWK } from "jose";

/** The gateway under test. */
export const gateway = process.env.QUANZI_URL ?? "http://127.0.0.1:8080";

/** Fails with this sentence unless the claim holds. */
export function must(claim, sentence) {
  if (!claim) throw new Error(sentence);
}

/** The refusal that this promise must end in. */
export async function refusal(promise, sentence) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`${sentence} was not refused`);
}

/** Registers a partner with one app and this public key; the app's id. */
export async function register(name, publicKey, redirectUri) {
  const jwk = await exportJWK(publicKey);
  const app = { name, jwks: { keys: [jwk] }, redirect_uris: [redirectUri] };
  const answer = await fetch(`${gateway}/sandbox/v1/partners`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name, legal_name: `${name} Ltd.`, app }),
  });
  must(answer.status === 201, `registration: ${answer.status} ${answer.status === 201 ? "" : await answer.text()}`);
  return (await answer.json()).app.id;
}

/** A browser without a window: keeps cookies, sends the forms of pages, follows nothing by itself. */
export class Browser {
  #cookies = new Map();

  async #send(url, options = {}) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(url, { ...options, redirect: "manual", headers: { ...options.headers, cookie } });
    for (const set of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set);
      this.#cookies.set(name, value);
    }
    return { status: answer.status, location: answer.headers.get("location"), text: await answer.text() };
  }

  /** Looks at a page. */
  get(url) {
    return this.#send(url);
  }

  /** Sends a form of the page, with the hidden code that stands in it. */
  press(url, page, fields) {
    const code = /name="code" value="([^"]+)"/.exec(page.text)?.[1];
    must(code, `no form in ${page.text}`);
    return this.#send(url, { method: "POST", body: new URLSearchParams({ code, ...fields }) });
  }

  /** Signs in as a person invented here and decides: the address the browser is sent back to. */
  async decide(url, nickname, decision) {
    const signedIn = await this.press(url, await this.get(url), { decision: "invent", nickname, adult: "yes" });
    must(signedIn.status === 303, `sign-in: ${signedIn.status} ${signedIn.text}`);
    const decided = await this.press(url, await this.get(url), { decision, nickname: "show" });
    return new URL(leadsTo(decided));
  }
}

/** Where an answer leads a browser: by a redirect, or by a page that sends it on to somebody else's address. */
function leadsTo(answer) {
  if (answer.status === 303) return answer.location;
  const url = /<meta http-equiv="refresh" content="0;url=([^"]+)">/.exec(answer.text)?.[1];
  must(answer.status === 200 && url, `no way on: ${answer.status} ${answer.text}`);
  return url.replaceAll(/&(#38|amp);/g, "&");
}
