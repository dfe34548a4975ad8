import { baseErrors } from "../../base/encoding-errors.ts";
import { DistError, type ErrorDefinition } from "../../base/errors.ts";
import {
  appErrors,
  authErrors,
  channelErrors,
  linkErrors,
  objectErrors,
  packageErrors,
  releaseErrors,
  retentionErrors,
  shareErrors,
  sessionErrors,
  tokenErrors,
  validationErrors,
} from "../../registry/errors.ts";
import { httpErrors, statusOf } from "../http-errors.ts";
import type { Access, ApiRoute } from "./route.ts";

const definitions: Readonly<Record<string, ErrorDefinition>> = Object.assign(
  {},
  ...[
    appErrors,
    authErrors,
    baseErrors,
    channelErrors,
    httpErrors,
    linkErrors,
    objectErrors,
    packageErrors,
    releaseErrors,
    retentionErrors,
    shareErrors,
    sessionErrors,
    tokenErrors,
    validationErrors,
  ].map((family) => family.definitions),
);

/** A code that a route may answer. */
export interface RouteError {
  readonly code: string;
  readonly status: number;
  readonly about: string;
}

const limitErrors: Readonly<Record<Access["limits"], readonly string[]>> = {
  none: [],
  narrow: [],
  "narrow-app": ["auth.wrong_channel"],
  app: ["auth.wrong_app"],
  channel: ["auth.wrong_app", "auth.wrong_channel"],
  unlimited: ["auth.wrong_app", "auth.wrong_channel"],
};

/** What a route may refuse with: its own codes, and those that follow from its access and its inputs. By status. */
export function errorsOf(route: ApiRoute): RouteError[] {
  const codes = [
    "auth.malformed_token",
    "auth.unknown_token",
    "auth.revoked",
    "auth.expired",
    ...(route.access.who === "visibility" ? [] : ["auth.missing_token", "auth.missing_scope"]),
    ...limitErrors[route.access.limits],
    "request.invalid_parameter",
    ...(route.body === undefined
      ? []
      : [
          "request.invalid_body",
          "request.timeout",
          "request.body_too_large",
          "request.unsupported_media_type",
        ]),
    ...(route.takesBytes ? ["request.length_required", "request.timeout", "request.body_too_large"] : []),
    ...route.errors,
  ];
  return [...new Set(codes)]
    .map((code) => describe(code))
    .toSorted((left, right) => left.status - right.status);
}

function describe(code: string): RouteError {
  const definition = definitions[code];
  if (definition === undefined) throw new Error(`A route names the code ${code}, which there is not.`);
  return { code, status: statusOf(new DistError(code, definition.kind, "")), about: definition.about };
}
