// Believes a captured delivery with the npm package standardwebhooks, and not an altered one: node verify.mjs delivery.json
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const { secrets, headers, body } = JSON.parse(readFileSync(process.argv[2], "utf8"));
for (const secret of secrets) {
  const webhook = new Webhook(secret);
  const event = webhook.verify(body, headers);
  if (event.type !== "webhook_endpoint.ping") throw new Error(`another event: ${event.type}`);
  let refused = false;
  try {
    webhook.verify(`${body} `, headers);
  } catch {
    refused = true;
  }
  if (!refused) throw new Error("an altered body was believed");
}
console.log("believed with both secrets");
