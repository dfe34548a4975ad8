import { OpenAPIHono, z } from "@hono/zod-openapi";

import { errorsOf } from "./route-errors.ts";
import type { ApiRoute } from "./route.ts";
import { apiRoutes } from "./routes/all-routes.ts";

/** Of the HTTP interface, not of the program: a field that is renamed or removed makes a new one. */
const INTERFACE_VERSION = "1";

const problem = z
  .object({
    error: z.object({
      code: z.string(),
      message: z.string(),
      details: z.record(z.string(), z.unknown()),
      hint: z.string().optional(),
    }),
  })
  .openapi("Error");

/** The OpenAPI 3.1 document of the JSON routes. */
export function openApiDocument(publicUrl: string | null): object {
  const { openAPIRegistry, getOpenAPI31Document } = new OpenAPIHono();
  openAPIRegistry.registerComponent("securitySchemes", "token", { type: "http", scheme: "bearer" });
  for (const route of apiRoutes) openAPIRegistry.registerPath(pathOf(route) as RegisteredPath);
  return getOpenAPI31Document({
    openapi: "3.1.0",
    info: { title: "dist", version: INTERFACE_VERSION },
    servers: [{ url: publicUrl ?? "/" }],
  });
}

type RegisteredPath = Parameters<OpenAPIHono["openAPIRegistry"]["registerPath"]>[0];

function pathOf(route: ApiRoute): object {
  const { method, path, access, summary, params, query, statuses = [200] } = route;
  const json = (schema: z.ZodType) => ({ content: { "application/json": { schema } } });
  const body = requestBody(route);
  const done = statuses.map((status) => [
    status,
    { description: "Done", ...(method === "HEAD" ? {} : { content: answerContent(route) }) },
  ]);
  const refusals = [...Map.groupBy(errorsOf(route), ({ status }) => status)].map(([status, errors]) => [
    status,
    {
      description: errors.map(({ code }) => `\`${code}\``).join(", "),
      ...(method === "HEAD" ? {} : json(problem)),
    },
  ]);
  return {
    method: method.toLowerCase(),
    path,
    summary,
    description: accessSentence(route),
    security: access.who === "visibility" ? [{}, { token: [] }] : [{ token: [] }],
    request: { params, query, ...(body !== undefined && { body: { content: body } }) },
    responses: Object.fromEntries([...done, ...refusals]),
  };
}

type Content = Readonly<Record<string, { readonly schema: z.ZodType }>>;

const bytes: Content = { "application/octet-stream": { schema: z.string().openapi({ format: "binary" }) } };

function requestBody({ body, takesBytes }: ApiRoute): Content | undefined {
  if (takesBytes) return bytes;
  return body === undefined ? undefined : { "application/json": { schema: body } };
}

function answerContent({ form, response: schema }: ApiRoute): Content {
  if (form === "bytes") return bytes;
  const json = { "application/json": { schema } };
  return form === "canonical" ? { ...json, "application/cbor": { schema } } : json;
}

/** Who may, as a sentence. */
export function accessSentence({ access: { who, limits } }: ApiRoute): string {
  if (who === "visibility") return "For whoever may see the app; no token is needed for what is not private.";
  const scopes = who.map((scope) => `\`${scope}\``).join(" or ");
  const where = {
    none: "limits of the token do not matter",
    app: "a token's app, if it is limited to one, must be the one meant",
    channel: "a token's app and channel, if it is limited, must be the ones meant",
    narrow: "a token that is limited to an app sees what belongs to it",
    "narrow-app":
      "a token that is limited to an app reaches what belongs to it, and it must not be limited to a channel",
    unlimited: "the token must not be limited to an app or a channel",
  };
  return `Needs the scope ${scopes}; ${where[limits]}.`;
}
