// A fan's whole way in a real browser, in English and in Chinese, on a phone: browser.mjs folder-for-screenshots
//
// Every page it comes by is photographed and examined: no console error, no violation of the content security policy, a label for every
// input, contrast of all text at least 4.5 by day and by night, a visible focus, nothing wider than the screen.
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { chromium } from "playwright-core";
import { App } from "./app.mjs";
import { gateway, must, refusal } from "./sandbox.mjs";

const folder = process.argv[2];
const phone = { width: 390, height: 844 };
const everything = "openid profile:nickname circles:join payments:tip payments:mandate";
const words = {
  en: { thanks: "Thank you!", agreed: "You agreed", declined: "You declined", lang: "en" },
  "zh-CN": { thanks: "谢谢你！", agreed: "你已同意", declined: "你已拒绝", lang: "zh-Hans" },
};
const programs = ["chromium", "chromium-browser", "google-chrome"].flatMap((name) =>
  (process.env.PATH ?? "").split(":").map((place) => `${place}/${name}`),
);
const executablePath = [process.env.CHROMIUM, ...programs].find((path) => path && existsSync(path));

/** The app's own site: where browsers are sent back to. Like many sites it redirects them on, to a third origin: the gateway's policies must not block that. */
async function openSite() {
  const html = '<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Back</title><p>Back at the app</p>';
  const site = createServer((asked, answer) => {
    const { port } = site.address();
    if (asked.headers.host !== `localhost:${port}`) return answer.writeHead(303, { location: `http://localhost:${port}${asked.url}` }).end();
    return answer.setHeader("content-type", "text/html").end(html);
  });
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
  return site;
}

/** What is wrong with the page as it stands, in sentences. Runs in the page. */
function examine() {
  const wrong = [];
  const name = (element) => `${element.tagName.toLowerCase()} “${(element.innerText || element.name || "").slice(0, 40)}”`;
  const shown = (element) => element.checkVisibility({ visibilityProperty: true });
  const isRead = (element) => element.labels?.length || element.getAttribute("aria-label") || element.innerText?.trim();

  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) wrong.push(`${wide} pixels wider than the screen`);
  if (document.querySelectorAll("h1").length !== 1) wrong.push("not exactly one h1");
  for (const control of document.querySelectorAll("input:not([type=hidden]), select, textarea, button, a")) {
    if (!isRead(control)) wrong.push(`${name(control)} has no label`);
  }
  for (const control of document.querySelectorAll("button, .button, label:has(input)")) {
    if (shown(control) && control.getBoundingClientRect().height < 40) wrong.push(`${name(control)} is too small for a thumb`);
  }

  const channels = (color) => {
    const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const over = ([r, g, b, a], ground) => [r, g, b].map((value, i) => value * a + ground[i] * (1 - a));
  const ground = (element) => {
    // Beyond the body there is the browser's own canvas, on which no text is shown.
    if (!element) return matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
    const own = channels(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own.slice(0, 3) : over(own, ground(element.parentElement));
  };
  const light = (color) => {
    const [r, g, b] = color.map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let read = 0;
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || element.tagName === "OPTION" || !shown(element)) continue;
    read += 1;
    const back = ground(element);
    const front = over(channels(getComputedStyle(element).color), back);
    const [low, high] = [light(front), light(back)].sort((a, b) => a - b);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < 4.5) wrong.push(`contrast ${contrast.toFixed(2)} of ${name(element)}`);
  }
  if (read < 3) wrong.push("next to no text");
  return wrong;
}

/** Whether what has the focus shows it, and which element that is. Runs in the page. */
function focused() {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const outlined = [element, element.closest("label")].some((one) => {
    if (!one) return false;
    const { outlineStyle, outlineWidth } = getComputedStyle(one);
    return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  });
  const all = [...document.querySelectorAll("*")];
  return { number: all.indexOf(element), outlined, html: element.outerHTML.slice(0, 120) };
}

class Fan {
  static async open(browser, language) {
    const context = await browser.newContext({ locale: language, viewport: phone, deviceScaleFactor: 2 });
    await context.addInitScript(() => {
      addEventListener("securitypolicyviolation", (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
    });
    const page = await context.newPage();
    const fan = Object.assign(new Fan(), { context, page, language, words: words[language], complaints: [] });
    page.on("console", (said) => said.type() === "error" && fan.complaints.push(said.text()));
    page.on("pageerror", (error) => fan.complaints.push(String(error)));
    page.on("requestfailed", (failed) => {
      // A browser that goes on stops what it was loading.
      const why = failed.failure()?.errorText;
      if (why !== "net::ERR_ABORTED") fan.complaints.push(`${failed.url()}: ${why}`);
    });
    return fan;
  }

  /** Examines and photographs the page that is open. */
  async look(name, { status } = {}) {
    const where = `${name} (${this.language})`;
    // A refusal's own status is in the console of every browser.
    const complaints = this.complaints.splice(0).filter((said) => !(status && said.includes(`status of ${status}`)));
    must(complaints.length === 0, `${where}: ${complaints.join("; ")}`);
    const lang = await this.page.locator("html").getAttribute("lang");
    must(lang === this.words.lang, `${where}: lang is ${lang}`);
    for (const colorScheme of ["dark", "light"]) {
      await this.page.emulateMedia({ colorScheme });
      const wrong = await this.page.evaluate(examine);
      must(wrong.length === 0, `${where}, ${colorScheme}: ${wrong.join("; ")}`);
      const suffix = colorScheme === "dark" ? ".dark" : "";
      await this.page.screenshot({ path: `${folder}/${this.language}-${name}${suffix}.png`, fullPage: true });
    }
    await this.#tab(where);
  }

  /** Goes through the page with the keyboard alone. */
  async #tab(where) {
    const seen = new Set();
    const reachable = await this.page.locator("a[href], button, select, input:not([type=hidden])").count();
    for (let presses = 0; presses <= reachable; presses += 1) {
      await this.page.keyboard.press("Tab");
      const now = await this.page.evaluate(focused);
      if (!now || seen.has(now.number)) break;
      seen.add(now.number);
      must(now.outlined, `${where}: the focus cannot be seen on ${now.html}`);
    }
    must(reachable === 0 || seen.size > 0, `${where}: nothing can be reached with the keyboard`);
    await this.page.evaluate(() => document.activeElement?.blur());
  }

  async go(url) {
    return (await this.page.goto(url)).status();
  }

  /** Presses the button of this decision and waits for the page that comes next. */
  async press(decision, within = this.page) {
    const next = this.page.waitForEvent("load");
    await within.locator(`button[name=decision][value=${decision}]`).first().click();
    await next;
  }

  async invent(nickname) {
    await this.page.fill("#nickname", nickname);
    await this.page.check("input[name=adult]");
    await this.press("invent");
  }

  /** Decides, and comes back to the app: where. */
  async back(decision) {
    const last = this.page.waitForURL((url) => url.hostname === "localhost" && url.pathname === "/back");
    await this.page.locator(`button[name=decision][value=${decision}]`).first().click();
    await last;
    const back = new URL(this.page.url());
    back.hostname = "127.0.0.1";
    return back;
  }

  async reads(text) {
    const page = await this.page.locator("main").innerText();
    must(page.includes(text), `“${text}” is not in: ${page}`);
  }
}

async function circle(app, token, name, rules) {
  const made = await app.call(token, "POST", "/v1/circles", { name, category: "reading" });
  must(made.status === 201, `a circle: ${JSON.stringify(made.json)}`);
  const { id } = made.json;
  must((await app.call(token, "POST", `/v1/circles/${id}/open`)).status === 200, "the circle opens");
  const gate = await app.call(token, "GET", `/v1/circles/${id}/gate`);
  const put = await app.call(token, "PUT", `/v1/circles/${id}/gate`, { rules }, { "if-match": `"${gate.json.version}"` });
  must(put.status === 200, `a gate: ${JSON.stringify(put.json)}`);
  return id;
}

async function walk(browser, language, redirectUri) {
  const app = await App.register("Whisker & Co", "ES256", redirectUri);
  const own = await app.token("circles:read circles:write members:read payments:read sandbox");
  const adults = await circle(app, own, "Old cats", [{ kind: "adult" }]);
  const savers = await circle(app, own, "Gold savers", [{ kind: "credit_band", at_least: "gold" }]);
  const fan = await Fan.open(browser, language);
  const cny = (amount) => ({ amount, currency: "CNY" });

  // Signs in and says no.
  const no = await app.ask(everything);
  await fan.go(no.address);
  await fan.look("1-sign-in");
  await fan.invent("小美 Mei");
  await fan.look("2-consent");
  const denied = await refusal(app.exchange(await fan.back("deny"), no.checks), "a no");
  must(denied.error === "access_denied", `a no is ${denied.error}`);
  must((await fan.go(no.address)) === 400, "a completed request has no page");
  await fan.look("3-request-is-over", { status: 400 });

  // Comes back, agrees, and is joined where the gate lets it.
  const yes = await app.ask(everything);
  await fan.go(yes.address);
  await fan.page.check("input[name=nickname]");
  await fan.look("4-consent-with-nickname");
  const tokens = await app.exchange(await fan.back("allow"), yes.checks);
  const token = tokens.access_token;
  must(tokens.scope === everything, `granted: ${tokens.scope}`);
  const refused = await app.call(token, "POST", "/v1/me/memberships", { circle: savers });
  must(refused.status === 403 && refused.json.code === "gate_refused", `a gate that refuses: ${JSON.stringify(refused)}`);
  const joined = await app.call(token, "POST", "/v1/me/memberships", { circle: adults });
  must(joined.status === 200 && joined.json.status === "active", `a gate that lets in: ${JSON.stringify(joined)}`);

  // Tips at the cashier: first with an empty wallet, then one declined, one paid.
  const tip = async (amount, more) => app.call(token, "POST", "/v1/me/payments", { circle: adults, amount: cny(amount), ...more });
  const paid = (await tip(1_000, { message: "For the cats 🐈" })).json;
  await fan.go(paid.approval_url);
  await fan.look("5-tip-without-money");
  must((await app.call(own, "POST", `/sandbox/v1/fans/${joined.json.fan}/top_up`, { amount: cny(5_000) })).status === 200, "topped up");
  await fan.go(paid.approval_url);
  await fan.look("6-tip");
  await fan.press("pay");
  await fan.look("7-tip-paid");
  await fan.reads(fan.words.thanks);
  must((await app.call(token, "GET", `/v1/me/payments/${paid.id}`)).json.status === "succeeded", "the app sees that it is paid");
  const declined = (await tip(700)).json;
  await fan.go(declined.approval_url);
  await fan.press("decline");
  await fan.look("8-tip-declined");
  await fan.reads(fan.words.declined);

  // Agrees to be charged, and is.
  const asked = await app.call(token, "POST", "/v1/me/mandates", { circle: adults, per_payment: cny(800), per_day: cny(2_000) });
  must(asked.status === 201, `a mandate: ${JSON.stringify(asked)}`);
  await fan.go(asked.json.consent_url);
  await fan.look("9-mandate");
  await fan.press("agree");
  await fan.look("10-mandate-agreed");
  await fan.reads(fan.words.agreed);
  const charged = await tip(800, { mandate: asked.json.id });
  must(charged.json.status === "succeeded", `charged: ${JSON.stringify(charged)}`);

  // Takes it all back: the app is locked out at once.
  await fan.go(`${gateway}/me`);
  await fan.look("11-me");
  await fan.press("revoke_mandate");
  must((await tip(100, { mandate: asked.json.id })).json.code === "mandate_not_active", "a consent taken back charges nothing");
  await fan.press("revoke_grant");
  await fan.look("12-me-after");
  const shut = await app.call(token, "GET", "/v1/me");
  must(shut.status === 401 && shut.json.code === "token_revoked", `a grant taken back: ${JSON.stringify(shut)}`);
  const late = await refusal(app.refresh(tokens.refresh_token), "a grant taken back");
  must(late.error === "invalid_grant", `refreshing what was taken back is ${late.error}`);
  await fan.press("sign_out");
  await fan.go(`${gateway}/me`);
  await fan.look("13-signed-out");

  // Known by now: chooses instead of being invented.
  const again = await app.ask("openid");
  await fan.go(again.address);
  await fan.look("14-sign-in-again");
  await fan.press("sign_in");
  await fan.look("15-consent-to-little");
  must((await app.exchange(await fan.back("allow"), again.checks)).scope === "openid", "agreed to little");
  await fan.context.close();
  console.log(`${language}: signed in, refused, agreed, joined, paid, charged and took it back`);
}

must(executablePath, "Chromium is not found");
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const site = await openSite();
const browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
try {
  for (const language of Object.keys(words)) await walk(browser, language, `http://127.0.0.1:${site.address().port}/back`);
} finally {
  await browser.close();
  site.close();
}
