// The types that openapi-typescript makes of openapi.json, used as a caller would: that they compile is the test.
import type { components, paths } from "./api";

type Circle = components["schemas"]["Circle"];
type NewCircle = paths["/v1/circles"]["post"]["requestBody"]["content"]["application/json"];
type Created = paths["/v1/circles"]["post"]["responses"][201]["content"]["application/json"];
type Problem = components["schemas"]["Problem"];

export function explain(problem: Problem): string {
  return `${problem.status} ${problem.code}: ${problem.detail}`;
}

export function idOf(created: Created): Circle["id"] {
  return created.id;
}

export type Keys = keyof NewCircle;

// A receiver that knows what it gets by its type.
type Paid = components["schemas"]["PaymentSucceededEvent"];
type Joined = components["schemas"]["MembershipActivatedEvent"];

export function told(event: Paid | Joined): string {
  return event.type === "payment.succeeded"
    ? `${event.seq}: ${event.data.amount.amount} ${event.data.amount.currency}`
    : `${event.seq}: ${event.data.fan}`;
}
