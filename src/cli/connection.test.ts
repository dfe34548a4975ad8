import { describe, expect, it } from "vitest";

import { readEnvironment } from "../config/environment.ts";
import { resolveConnection } from "./connection.ts";

describe("resolveConnection", () => {
  const env = (variables: Record<string, string>) => readEnvironment(variables);

  it("lets a flag beat the environment, whatever that names", () => {
    expect(resolveConnection({ localStore: "flag" }, env({ DIST_STORE: "env" }))).toEqual({
      kind: "store",
      directory: "flag",
    });
    expect(resolveConnection({ localStore: "flag" }, env({ DIST_SERVER: "https://env" }))).toMatchObject({
      kind: "store",
    });
    expect(resolveConnection({ server: "https://flag" }, env({ DIST_STORE: "env" }))).toMatchObject({
      url: "https://flag",
    });
    // Broken at a level that does not count.
    expect(
      resolveConnection({ server: "https://flag" }, env({ DIST_STORE: "a", DIST_SERVER: "b" })),
    ).toMatchObject({ url: "https://flag" });
  });

  it("usage.store_and_server: both at one level", () => {
    expect(code({ localStore: "a", server: "b" }, {})).toBe("usage.store_and_server");
    expect(code({}, { DIST_STORE: "a", DIST_SERVER: "b" })).toBe("usage.store_and_server");
  });

  it("usage.store_required: neither", () => {
    expect(code({}, { DIST_TOKEN: "x" })).toBe("usage.store_required");
  });

  it("usage.token_with_store: a token flag for a directory, while the variable is ignored", () => {
    expect(code({ localStore: "a", token: "x" }, {})).toBe("usage.token_with_store");
    expect(code({ tokenFile: "x" }, { DIST_STORE: "a" })).toBe("usage.token_with_store");
    expect(resolveConnection({ localStore: "a" }, env({ DIST_TOKEN: "x" }))).toEqual({
      kind: "store",
      directory: "a",
    });
  });

  it("takes a server's token from the flags first, secret or file", () => {
    const server = (flags: object, variables: Record<string, string>) => {
      const place = resolveConnection({ server: "https://x", ...flags }, env(variables));
      return place.kind === "server" ? place.token : undefined;
    };
    expect(server({ tokenFile: "f" }, { DIST_TOKEN: "x" })).toEqual({ kind: "file", path: "f" });
    const token = server({}, { DIST_TOKEN: "x" });
    expect(token?.kind === "secret" && token.secret.reveal()).toBe("x");
    expect(server({}, { DIST_TOKEN_FILE: "f" })).toEqual({ kind: "file", path: "f" });
    expect(server({}, {})).toBeNull();
    expect(code({ server: "https://x", token: "a", tokenFile: "b" }, {})).toBe("usage.conflicting_options");
  });

  it("takes --ca-file for a server only", () => {
    const place = resolveConnection({ server: "https://x", caFile: "ca.pem" }, env({}));
    expect(place).toMatchObject({ kind: "server", caFile: "ca.pem" });
    expect(code({ localStore: "a", caFile: "ca.pem" }, {})).toBe("usage.conflicting_options");
  });

  function code(flags: object, variables: Record<string, string>): unknown {
    try {
      return resolveConnection(flags, env(variables));
    } catch (error) {
      return (error as { code: unknown }).code;
    }
  }
});
