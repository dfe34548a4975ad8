import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { getCACertificates } from "node:tls";

import type { DistError } from "../base/errors.ts";
import { clientErrors } from "./errors.ts";

/** The proxies to go through, as the variables of these names say it. */
export interface Proxies {
  readonly https?: string | undefined;
  readonly http?: string | undefined;
  /** Hosts that are reached directly, with commas between. */
  readonly none?: string | undefined;
}

/** Where requests go, and over which connections. */
export interface ServerAddress {
  /** Without a slash at its end; may have a path, for a server behind a prefix. */
  readonly base: string;
  readonly origin: string;
  /** The connections for `http:` or `https:`; made when first asked for, kept alive until `close`. */
  agent(protocol: string): HttpAgent;
  close(): void;
}

/** Raises `client.invalid_server`, `client.invalid_proxy`, `client.ca_file`. */
export function serverAddress(
  server: string,
  options: { readonly caFile?: string | undefined; readonly proxies?: Proxies | undefined },
): ServerAddress {
  const url = parseServer(server);
  const ca = options.caFile === undefined ? [] : readAuthorities(options.caFile);
  const agents = new Map<string, HttpAgent>();
  const agent = (protocol: string): HttpAgent => {
    const found = agents.get(protocol) ?? openAgent(protocol, ca, options.proxies ?? {});
    agents.set(protocol, found);
    return found;
  };
  // An unusable proxy is said at once.
  agent(url.protocol);
  return {
    base: url.origin + url.pathname.replace(/\/+$/, ""),
    origin: url.origin,
    agent,
    close: () => agents.forEach((each) => each.destroy()),
  };
}

function parseServer(server: string): URL {
  const refuse = (why: string): DistError =>
    // The address itself is not shown: it may hold a password.
    clientErrors.error("client.invalid_server", `The server's address ${why}.`, {
      hint: "Give it as https://dist.example.org.",
    });
  const url = URL.parse(server);
  if (url === null) throw refuse("is no URL");
  if (url.protocol !== "https:" && url.protocol !== "http:")
    throw refuse("must begin with https:// or http://");
  if (url.username !== "" || url.password !== "") throw refuse("must not hold a user or password");
  if (url.search !== "" || url.hash !== "") throw refuse("must not have a query or fragment");
  return url;
}

function openAgent(protocol: string, ca: readonly string[], proxies: Proxies): HttpAgent {
  const proxyEnv = {
    HTTPS_PROXY: parseProxy(proxies.https),
    HTTP_PROXY: parseProxy(proxies.http),
    NO_PROXY: proxies.none,
  };
  if (protocol === "http:") return new HttpAgent({ keepAlive: true, proxyEnv });
  // `ca` replaces what Node trusts by itself, so that is named too; the machine's own authorities are those its browser trusts.
  const trusted = new Set([...getCACertificates("default"), ...getCACertificates("system"), ...ca]);
  return new HttpsAgent({ keepAlive: true, ca: [...trusted], proxyEnv });
}

/** Node passes over a proxy that it cannot read and connects directly, which a closed network would not want. */
function parseProxy(value: string | undefined): string | undefined {
  if (!value) return undefined;
  // `proxy.example.org:3128` is read as other programs read it.
  const address = value.includes("://") ? value : `http://${value}`;
  if (/^https?:$/.test(URL.parse(address)?.protocol ?? "")) return address;
  throw clientErrors.error("client.invalid_proxy", "The proxy's address cannot be used.", {
    hint: "See HTTPS_PROXY and HTTP_PROXY; an address reads http://proxy.example.org:3128.",
  });
}

function readAuthorities(path: string): string[] {
  try {
    const found = readFileSync(path, "utf8").match(
      /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g,
    );
    if (found === null) throw new Error("It holds no certificate.");
    // Node passes over what it cannot read, and the failure would show as an unknown authority.
    return found.map((pem) => new X509Certificate(pem).toString());
  } catch (cause) {
    throw clientErrors.error("client.ca_file", `${path} cannot be read as PEM certificates.`, {
      details: { path },
      cause,
    });
  }
}
