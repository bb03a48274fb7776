"""Believes a captured delivery with the PyPI package standardwebhooks, and not an altered one: verify.py delivery.json"""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError

with open(sys.argv[1], encoding="utf-8") as file:
    delivery = json.load(file)
for secret in delivery["secrets"]:
    webhook = Webhook(secret)
    event = webhook.verify(delivery["body"], delivery["headers"])
    assert event["type"] == "webhook_endpoint.ping", event
    try:
        webhook.verify(delivery["body"] + " ", delivery["headers"])
    except WebhookVerificationError:
        continue
    raise SystemExit("an altered body was believed")
print("believed with both secrets")
