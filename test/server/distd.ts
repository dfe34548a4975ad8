import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { killPrograms, type Program, startProgram } from "../support/programs.ts";
import { SHOWN } from "./distd-program.ts";

/** A running `distd` on a store of its own, both removed by `close`. */
export interface Distd {
  /** An empty directory for the test's files; the store is beside them. */
  readonly directory: string;
  readonly store: string;
  readonly url: string;
  readonly port: number;
  /** The secret of the first administrator token. */
  readonly admin: string;
  readonly program: Program;
  /** A token with these scopes and limits: its secret. */
  token(scopes: readonly string[], limits?: TokenLimits): Promise<string>;
  /** One request to the JSON API, as the administrator unless another token is given. */
  api(method: string, path: string, body?: unknown, token?: string): Promise<{ status: number; json: any }>;
  close(): Promise<void>;
}

export interface TokenLimits {
  readonly app?: string;
  readonly channel?: string;
  readonly expires_in?: string;
}

/** Starts `distd` on a free port of the loopback address and a store that it makes. */
export async function startDistd(
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Distd> {
  const directory = await mkdtemp(join(tmpdir(), "dist-distd-"));
  const store = join(directory, "store");
  const program = startProgram("distd", ["--local-store", store, "--port", "0", ...args], env);
  const url = await program.url;
  // The token is shown once the server listens.
  while (!SHOWN.test(program.stderr())) await new Promise((resolve) => setTimeout(resolve, 10));
  const admin = SHOWN.exec(program.stderr())![1]!;
  const api: Distd["api"] = async (method, path, body, token = admin) => {
    const response = await fetch(`${url}/api${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, json: text === "" ? undefined : JSON.parse(text) };
  };
  let made = 0;
  return {
    directory,
    store,
    url,
    port: Number(new URL(url).port),
    admin,
    program,
    api,
    token: async (scopes, limits = {}) => {
      made += 1;
      const { status, json } = await api("POST", "/tokens", { name: `t${made}`, scopes, ...limits });
      if (status !== 201) throw new Error(JSON.stringify(json));
      return json.secret as string;
    },
    close: async () => {
      program.child.kill("SIGTERM");
      const ended = await Promise.race([program.code, new Promise((resolve) => setTimeout(resolve, 20_000))]);
      if (ended === undefined) await killPrograms();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
