import type { DatabaseSettings } from "../registry/store-settings.ts";
import { Secret } from "../base/secret.ts";

const DEFAULT_PORT = 5432;
const tlsModes = ["disable", "require", "verify-full"] as const;

/**
 * Reads the value of `database.url`; undefined when it cannot be read. The parameters are libpq's; those that are not
 * known are refused, since one that is passed over could be the one that was to make the connection safe.
 */
export function parseDatabaseUrl(text: string): DatabaseSettings | undefined {
  const file = /^sqlite:(.+)$/.exec(text)?.[1];
  return file === undefined ? parsePostgresUrl(text) : { engine: "sqlite", file };
}

function parsePostgresUrl(text: string): DatabaseSettings | undefined {
  const url = URL.parse(text);
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol) || url.hash !== "") return undefined;
  const { sslmode = "disable", sslrootcert = null, host, options = null, ...unknown } = parametersOf(url);
  const tls = tlsModes.find((mode) => mode === sslmode);
  const [user, password, database] = [url.username, url.password, url.pathname.slice(1)].map(decoded);
  if (Object.keys(unknown).length > 0 || tls === undefined || !user || !database || password === undefined) {
    return undefined;
  }
  // Certificates that nobody looks at would be taken for safety.
  if (sslrootcert !== null && tls !== "verify-full") return undefined;
  if ((host ?? url.hostname) === "" || (host !== undefined && !host.startsWith("/"))) return undefined;
  return {
    engine: "postgres",
    // An IPv6 address stands in brackets in a URL only.
    host: host ?? url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? DEFAULT_PORT : Number(url.port),
    user,
    password: password === "" ? null : new Secret(password),
    database,
    tls,
    rootCertificateFile: sslrootcert,
    options,
  };
}

function parametersOf(url: URL): { [name: string]: string | undefined } {
  return Object.fromEntries(url.searchParams);
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
