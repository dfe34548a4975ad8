import type { z } from "zod";

import type { DistError } from "../../base/errors.ts";
import { nearest } from "../../base/text.ts";
import { type ManifestCode, manifestErrors } from "./errors.ts";
import { formatPath } from "./key-problems.ts";

type Issue = z.core.$ZodIssue;

/** One problem in our words. */
interface Explained {
  readonly code: ManifestCode;
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
  readonly nearest?: string;
}

/** The manifest's unknown words by the field they stand in. */
const unknownWord: Readonly<Record<string, ManifestCode>> = {
  platform: "manifest.unknown_platform",
  arch: "manifest.unknown_arch",
  format: "manifest.unknown_format",
};

/** Several problems are often one: a misspelt key is unknown, and the field it meant is missing. The telling one comes first. */
const order: readonly ManifestCode[] = ["manifest.unknown_key", "manifest.missing_field"];

/** Turns what the schema library found into one `manifest.*` error. */
export function explainIssues(
  issues: readonly Issue[],
  schema: z.core.$ZodType,
  value: unknown,
  where: string,
): DistError {
  const problems = issues.flatMap((issue) => explain(issue, schema, value)).toSorted(byImportance);
  const [first] = problems;
  if (first === undefined) throw new Error("A manifest was refused without an issue.");
  return manifestErrors.error(first.code, `${where}: ${first.message}`, {
    details: {
      path: first.path,
      manifest: where,
      ...(first.nearest !== undefined && { nearest: first.nearest }),
      ...(problems.length > 1 && {
        problems: problems.map(({ code, path, message }) => ({ code, path, message })),
      }),
    },
    ...(first.hint !== undefined && { hint: first.hint }),
  });
}

function explain(issue: Issue, schema: z.core.$ZodType, value: unknown): readonly Explained[] {
  const path = formatPath(issue.path);
  const name = path === "" ? "The manifest" : path;
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownKey([...issue.path, key], key, knownKeys(schema, issue.path)));
    case "invalid_type":
      // JSON has no undefined: such a value is not there.
      if (valueAt(value, issue.path) === undefined) {
        return [{ code: "manifest.missing_field", path, message: `${name} is missing.` }];
      }
      return [wrongType(path, name, issue.expected, valueAt(value, issue.path))];
    case "invalid_value":
      return [unknownValue(issue, path, name, valueAt(value, issue.path))];
    case "invalid_format":
      return [{ code: "manifest.invalid_digest", path, message: `${name} must be 64 hexadecimal digits.` }];
    case "too_big":
      if (issue.origin === "array") {
        const message = `${name} has more than ${issue.maximum} items.`;
        return [{ code: "manifest.too_many_artifacts", path, message }];
      }
      return [{ code: "manifest.wrong_type", path, message: `${name} is too large.` }];
    case "too_small":
      if (issue.origin === "array") {
        return [
          { code: "manifest.no_artifacts", path, message: `${name} is empty; a release has at least one.` },
        ];
      }
      return [
        {
          code: "manifest.wrong_type",
          path,
          message: `${name} must not be ${issue.origin === "string" ? "empty" : "negative"}.`,
        },
      ];
    default:
      return [{ code: "manifest.wrong_type", path, message: `${name} ${issue.message}.` }];
  }
}

function unknownKey(path: readonly PropertyKey[], key: string, known: readonly string[]): Explained {
  const suggestion = nearest(key, known);
  return {
    code: "manifest.unknown_key",
    path: formatPath(path),
    message: `${formatPath(path)} is not a known key.`,
    hint: suggestion === undefined ? `Known here: ${known.join(", ")}.` : `Did you mean ${suggestion}?`,
    ...(suggestion !== undefined && { nearest: suggestion }),
  };
}

function unknownValue(
  issue: Issue & { code: "invalid_value" },
  path: string,
  name: string,
  value: unknown,
): Explained {
  if (value === undefined) return { code: "manifest.missing_field", path, message: `${name} is missing.` };
  const field = String(issue.path.at(-1));
  if (typeof value !== "string") return wrongType(path, name, "string", value);
  const known = issue.values.map(String);
  const suggestion = nearest(value, known);
  return {
    code: unknownWord[field] ?? "manifest.wrong_type",
    path,
    message: `${name} is ${JSON.stringify(value)}, which is no ${field}.`,
    hint: `${suggestion === undefined ? "" : `Did you mean ${suggestion}? `}Known: ${known.join(", ")}.`,
    ...(suggestion !== undefined && { nearest: suggestion }),
  };
}

const typeNames: Readonly<Record<string, string>> = {
  string: "a text",
  array: "a list",
  object: "an object",
  record: "an object",
  int: "a whole number",
  number: "a number",
};

function wrongType(path: string, name: string, expected: string, value: unknown): Explained {
  return {
    code: "manifest.wrong_type",
    path,
    message: `${name} must be ${typeNames[expected] ?? expected}.`,
    ...(expected === "string" && typeof value === "number" && { hint: `Put it in quotes: "${value}".` }),
  };
}

/** The keys that the schema has at this place. */
function knownKeys(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  const { shape } = schemaAt(schema, path)._zod.def as z.core.$ZodObjectDef;
  return Object.keys(shape);
}

function schemaAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): z.core.$ZodType {
  return path.reduce<z.core.$ZodType>((current, part) => {
    if (typeof part === "number") return (current._zod.def as z.core.$ZodArrayDef).element;
    const child = (current._zod.def as z.core.$ZodObjectDef).shape[String(part)];
    if (child === undefined) throw new Error(`The schema has no ${String(part)}.`);
    return child;
  }, schema);
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (current, part) =>
      typeof current === "object" && current !== null && Object.hasOwn(current, part)
        ? current[part as keyof typeof current]
        : undefined,
    value,
  );
}

function byImportance(left: Explained, right: Explained): number {
  const rank = ({ code }: Explained): number => {
    const place = order.indexOf(code);
    return place === -1 ? order.length : place;
  };
  return rank(left) - rank(right);
}
