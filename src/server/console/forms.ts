import type { Context } from "hono";

import { DistError } from "../../base/errors.ts";
import { checkCsrf } from "../csrf.ts";
import { httpErrors } from "../http-errors.ts";
import type { ServerEnv } from "../server-context.ts";
import type { FormState } from "./components/form.tsx";
import type { Viewer } from "./viewer.ts";

/** Forms hold reasons and notes, no files. */
const MAX_FORM_BYTES = 256 * 1024;

/** What a form sent. */
export interface SentForm {
  /** The first value of a field, trimmed; "" when it was not sent. */
  text(name: string): string;
  /** As `text`, null when it is empty. */
  optional(name: string): string | null;
  /** Every value of a field. */
  all(name: string): readonly string[];
  /** To show the form again: several values of a field stand apart by spaces. */
  readonly values: FormState["values"];
}

/**
 * Reads a form and makes sure that it is ours. Raises `auth.csrf`, `request.body_too_large`, `request.invalid_body`.
 */
export async function readForm(c: Context<ServerEnv>): Promise<SentForm> {
  const fields = await readFields(c);
  checkCsrf(c, fields.get("csrf"));
  return sentForm(fields);
}

/** As `readForm`, of somebody who is not signed in. */
export async function readUnsignedForm(c: Context<ServerEnv>): Promise<SentForm> {
  return sentForm(await readFields(c));
}

async function readFields(c: Context<ServerEnv>): Promise<URLSearchParams> {
  const type = c.req.header("Content-Type") ?? "";
  if (!/^application\/x-www-form-urlencoded\b/i.test(type)) {
    throw httpErrors.error("request.invalid_body", "A form is sent as application/x-www-form-urlencoded.");
  }
  return new URLSearchParams(await readBounded(c));
}

/** The fields of a form whose `csrf` was checked. */
export function sentForm(fields: URLSearchParams): SentForm {
  const text = (name: string) => (fields.get(name) ?? "").trim();
  const names = [...new Set(fields.keys())].filter((name) => name !== "csrf");
  return {
    text,
    optional: (name) => text(name) || null,
    all: (name) => fields.getAll(name),
    values: Object.fromEntries(names.map((name) => [name, fields.getAll(name).join(" ").trim()])),
  };
}

async function readBounded(c: Context<ServerEnv>): Promise<string> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of c.req.raw.body ?? []) {
    sizeBytes += part.length;
    if (sizeBytes > MAX_FORM_BYTES) {
      throw httpErrors.error("request.body_too_large", `A form has at most ${MAX_FORM_BYTES} bytes.`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** A form as it is shown first. */
export function newForm(viewer: Pick<Viewer, "csrf">, values: FormState["values"] = {}): FormState {
  return { csrf: viewer.csrf, values };
}

/** What is the same in every form. */
const reasonFields = {
  "request.invalid_reason": "reason",
  "retention.reason_required": "reason",
  "app.reason_required": "reason",
};

/**
 * A form that was refused, shown again as it was sent. `fields` says which field a code is about, by the code or by its beginning with
 * a dot at its end. Anything but a `DistError` is thrown on.
 */
export function refusedForm(
  viewer: Pick<Viewer, "csrf">,
  form: SentForm,
  error: unknown,
  fields: { readonly [code: string]: string } = {},
): FormState & { readonly error: DistError } {
  if (!(error instanceof DistError)) throw error;
  // A setting's own name is the field's.
  const { setting } = error.details;
  const named = typeof setting === "string" ? setting.split(".").at(-1) : undefined;
  const wrong =
    named ??
    Object.entries({ ...reasonFields, ...fields }).find(([code]) =>
      code.endsWith(".") ? error.code.startsWith(code) : error.code === code,
    )?.[1];
  return { csrf: viewer.csrf, values: form.values, error, wrong };
}
