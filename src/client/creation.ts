import type { ApiRequest } from "./api.ts";

/** A POST that may be sent again: the key makes the server answer a second one as it did the first. */
export function creation(address: string, json: object): ApiRequest {
  const headers = { "idempotency-key": crypto.randomUUID() };
  return { method: "POST", path: address, json, headers, repeatable: true };
}
