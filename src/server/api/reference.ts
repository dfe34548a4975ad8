import { z } from "@hono/zod-openapi";

import { accessSentence, openApiDocument } from "./openapi.ts";
import { plainRoutes } from "./plain-routes.ts";
import { MAX_JSON_BYTES } from "./read-json.ts";
import { errorsOf } from "./route-errors.ts";
import type { ApiRoute } from "./route.ts";
import { routesByResource } from "./routes/all-routes.ts";

/** The reference of the HTTP interface as a Markdown page, from the routes themselves. */
export function apiReference(): string {
  const document = openApiDocument(null) as Document;
  const operation = ({ path, method }: ApiRoute) => document.paths[path]![method.toLowerCase()]!;
  const sections = Object.entries(routesByResource).map(
    ([resource, routes]) =>
      `## ${resource}\n\n${routes.map((route) => routeSection(route, operation(route))).join("\n")}`,
  );
  const records = Object.entries(document.components.schemas).map(recordSection);
  return `${introduction}\n${plainSection()}\n${sections.join("\n")}\n## Records\n\n${records.join("\n")}`;
}

const introduction = `# HTTP interface

A token goes in \`Authorization: Bearer dist_…\`. Bodies are JSON of at most ${MAX_JSON_BYTES} bytes; unknown keys and unknown query
parameters are refused. Absent values are null, never omitted. Errors are \`{"error": {"code", "message", "details", "hint"?}}\`.
Every GET answers HEAD and, but for the export, carries an \`ETag\`, strong but for archives, and honours \`If-None-Match\`; PATCH and PUT honour \`If-Match\`
with the tag of the GET at the same address. Lists page with \`limit\` and \`after\`. \`/openapi.json\` says the same for programs, and
\`/schema/dist.json\` is the JSON Schema of \`dist.json\`.

What stands below \`/packages\` and \`/retention\` is answered below \`/api/packages\` and \`/api/retention\` as well. Its JSON is canonical (RFC 8785), and
\`Accept: application/cbor\` gets the same value as canonical CBOR ([encoding](../formats/encoding.md)).
`;

/** The routes that carry something else than JSON, as tables. */
function plainSection(): string {
  const tables = Object.entries(plainRoutes).map(([title, routes]) => {
    const rows = routes.map(
      ({ method, path, who, about }) => `| ${method} \`${path}\` | ${who} | ${about} |`,
    );
    return `### ${title}\n\n| Route | For | |\n| --- | --- | --- |\n${rows.join("\n")}\n`;
  });
  return `## Bytes, events, pages\n\n${tables.join("\n")}`;
}

function routeSection(route: ApiRoute, operation: Operation): string {
  const { statuses = [200] } = route;
  const parts = [
    `### ${route.method} \`${route.path}\``,
    route.summary,
    accessSentence(route),
    fieldTable("Path", route.params),
    fieldTable("Query", route.query),
    route.takesBytes ? "The body is the file's bytes." : fieldTable("Body", route.body),
    `Answers ${statuses.join(" or ")}${answerName(operation, statuses[0])}.`,
    refusals(route),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** What this page takes from the OpenAPI document. */
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

interface Operation {
  readonly responses: Readonly<
    Record<number, { readonly content?: { readonly "application/json"?: { readonly schema: JsonSchema } } }>
  >;
}

interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly description?: string;
}

function fieldTable(title: string, schema: z.ZodType | undefined): string {
  if (schema === undefined) return "";
  const rows = fieldRows(z.toJSONSchema(schema, { io: "input" }) as JsonSchema, "");
  return rows.length === 0 ? "" : `| ${title} | | |\n| --- | --- | --- |\n${rows.join("\n")}`;
}

/** One row for each field, those of nested objects under their dotted path. */
function fieldRows({ properties = {}, required = [] }: JsonSchema, prefix: string): string[] {
  return Object.entries(properties).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const about = [required.includes(name) ? "required" : "", field.description ?? ""].filter(Boolean);
    const row = `| \`${path}\` | ${typeName(field)} | ${about.join("; ")} |`;
    const nested =
      field.items === undefined ? fieldRows(field, `${path}.`) : fieldRows(field.items, `${path}[].`);
    return [row, ...nested];
  });
}

function typeName(schema: JsonSchema): string {
  if (schema.$ref !== undefined) return `\`${schema.$ref.split("/").at(-1)}\``;
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeName).join(" or ");
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (schema.type === "array") return `list of ${typeName(schema.items ?? {})}`;
  return [schema.type ?? "any value"].flat().join(" or ");
}

function refusals(route: ApiRoute): string {
  const byStatus = Map.groupBy(errorsOf(route), ({ status }) => status);
  const lines = [...byStatus].map(
    ([status, errors]) => `- ${status}: ${errors.map(({ code }) => `\`${code}\``).join(", ")}`,
  );
  return `Refuses with\n\n${lines.join("\n")}`;
}

function answerName(operation: Operation, status: number): string {
  const { content } = operation.responses[status]!;
  if (content === undefined) return " without a body";
  const schema = content["application/json"]?.schema;
  if (schema === undefined) return " with bytes";
  return schema.$ref === undefined && schema.anyOf === undefined ? "" : ` with ${typeName(schema)}`;
}

function recordSection([name, schema]: [string, JsonSchema]): string {
  const rows = fieldRows(schema, "");
  return `### ${name}\n\n| Field | | |\n| --- | --- | --- |\n${rows.join("\n")}\n`;
}
