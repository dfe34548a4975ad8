import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";

import type { ServerResponse } from "node:http";

/** Puts a response's status and headers on Node's own, for bodies that do not pass through web streams. */
export function setHead(outgoing: ServerResponse, { status, headers }: Response): void {
  outgoing.statusCode = status;
  outgoing.setHeaders(headers);
}

/** What a handler returns that has written to Node's response itself. Nothing may be added to it. */
export const alreadySent: Response = RESPONSE_ALREADY_SENT;
