import { readFile } from "node:fs/promises";
import type { ConnectionOptions } from "node:tls";

import { holdsCertificates } from "../../base/certificates.ts";
import { errnoOf } from "../../base/errors.ts";
import type { Secret } from "../../base/secret.ts";
import { catalogErrors } from "../errors.ts";

/** Which database, on which server, as whom. */
export interface PostgresTarget {
  /** A host, or the directory of a Unix socket when it begins with `/`. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: Secret | null;
  readonly database: string;
  /** `disable`: no TLS. `require`: TLS with whoever answers. `verify-full`: TLS with a certificate for this host. */
  readonly tls: "disable" | "require" | "verify-full";
  /** Trusted instead of the well-known certificate authorities, as PEM. */
  readonly rootCertificateFile: string | null;
  /** Settings of the session, as libpq takes them: `-c search_path=name`. */
  readonly options: string | null;
}

/** The database's name for people and logs: no password. */
export function nameOf({ host, port, user, database }: PostgresTarget): string {
  return host.startsWith("/")
    ? `${user}@${host}:${port}/${database}`
    : `postgres://${user}@${host}:${port}/${database}`;
}

/** What `pg` needs to know about TLS. Raises `store.unreachable` when the root certificate cannot be read. */
export async function tlsOptions(target: PostgresTarget): Promise<ConnectionOptions | false> {
  if (target.tls === "disable") return false;
  if (target.tls === "require") return { rejectUnauthorized: false };
  const { rootCertificateFile: path, host } = target;
  if (path === null) return { rejectUnauthorized: true, servername: host };
  const refused = (message: string, cause?: unknown) =>
    catalogErrors.error("store.unreachable", message, { cause, details: { path } });
  const ca = await readFile(path, "utf8").catch((cause: unknown) => {
    throw refused(`The root certificate cannot be read (${errnoOf(cause) ?? "unknown"}).`, cause);
  });
  if (!holdsCertificates(ca)) throw refused("The file of the root certificate holds no certificates as PEM.");
  return { rejectUnauthorized: true, servername: host, ca };
}
