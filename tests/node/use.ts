// The types that openapi-typescript makes of openapi.json, used as a caller would: that they compile is the test.
import createClient from "openapi-fetch";
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

// The client of openapi-fetch in its natural form: what authenticates a request is added in one place, and no call asks
// for a signature, a digest or a proof.
export const client = createClient<paths>({ baseUrl: "https://gateway.example" });

client.use({
  onRequest({ request }) {
    request.headers.set("Authorization", "DPoP …");
    return request;
  },
});

export async function openedCircle(name: string): Promise<Circle> {
  const created = await client.POST("/v1/circles", { body: { name } });
  if (created.error) throw new Error(explain(created.error));
  const opened = await client.POST("/v1/circles/{circle}/open", { params: { path: { circle: created.data.id } } });
  if (opened.error) throw new Error(explain(opened.error));
  return opened.data;
}

export async function renamed(circle: Circle, name: string): Promise<Circle | undefined> {
  const params = { path: { circle: circle.id }, header: { "If-Match": `"${circle.version}"` } };
  return (await client.PATCH("/v1/circles/{circle}", { params, body: { name } })).data;
}

export async function everyCircle(): Promise<Circle[]> {
  return (await client.GET("/v1/circles")).data?.data ?? [];
}
