import { BlockList, isIP } from "node:net";

import type { Context } from "hono";

import { httpErrors } from "./http-errors.ts";
import type { ServerEnv } from "./server-context.ts";

/** Who sent a request, and under which name it reached the server. */
export interface Client {
  readonly address: string;
  /** Scheme, host and port, without a trailing slash. */
  readonly origin: string;
}

/** A host with or without a port; anything else would end up in links, and in the commands that pages show. */
const HOST = /^(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

/**
 * Reads the client from the connection, and from `X-Forwarded-*` only where the peer is a trusted proxy: from anyone else
 * these headers are claims, with which they would dodge limits and put their own host into links. The reader raises
 * `request.invalid_parameter` for a request to what is no host.
 */
export function clientReader(trustedProxies: readonly string[]): (c: Context<ServerEnv>) => Client {
  const isTrusted = trust(trustedProxies);
  return (c) => {
    // Requests made in process have no connection.
    const { incoming } = c.env as Partial<ServerEnv["Bindings"]>;
    const peer = plainAddress(incoming?.socket.remoteAddress ?? "unknown");
    const { origin, host, protocol } = new URL(c.req.url);
    if (!HOST.test(host))
      throw httpErrors.error("request.invalid_parameter", "The header Host names no host.");
    if (!isTrusted(peer)) return { address: peer, origin };
    const scheme = lastOf(c.req.header("x-forwarded-proto"));
    const forwardedHost = lastOf(c.req.header("x-forwarded-host"));
    return {
      address: addressBehind(peer, c.req.header("x-forwarded-for"), isTrusted),
      origin: [
        scheme === "http" || scheme === "https" ? scheme : protocol.slice(0, -1),
        forwardedHost !== undefined && HOST.test(forwardedHost) ? forwardedHost.toLowerCase() : host,
      ].join("://"),
    };
  };
}

/** The nearest address that no trusted proxy has: each proxy appends who spoke to it, so only the right end is to be believed. */
function addressBehind(
  peer: string,
  forwardedFor: string | undefined,
  isTrusted: (address: string) => boolean,
): string {
  let address = peer;
  for (const entry of (forwardedFor ?? "").split(",").toReversed()) {
    if (!isTrusted(address)) break;
    const next = plainAddress(entry.trim());
    if (isIP(next) === 0) break;
    address = next;
  }
  return address;
}

function trust(proxies: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const proxy of proxies) {
    const [address = "", prefix] = proxy.split("/");
    if (prefix === undefined) list.addAddress(address, familyOf(address));
    else list.addSubnet(address, Number(prefix), familyOf(address));
  }
  return (address) => isIP(address) !== 0 && list.check(address, familyOf(address));
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}

/** An IPv4 peer of a socket that listens on IPv6 shows as `::ffff:10.0.0.1`. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
}

function lastOf(list: string | undefined): string | undefined {
  return list?.split(",").at(-1)?.trim();
}
