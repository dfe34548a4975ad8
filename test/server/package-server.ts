import type { ServerSettings } from "../../src/config/server-settings.ts";
import { sourceOf, type TestStoreOptions } from "../support/test-store.ts";
import { startTestServer, type TestServer } from "./process-server.ts";
import { type Answer, ask } from "./transfer-server.ts";

/** A whole server with a token that writes packages, and packages to write to. */
export interface PackageServer extends TestServer {
  /** A token's secret. */
  readonly writer: string;
  token(scopes: readonly string[]): Promise<string>;
  /** A request as the writer, unless other headers say who asks. */
  ask(
    method: string,
    path: string,
    options?: { readonly body?: Uint8Array; readonly headers?: Record<string, string> },
  ): Promise<Answer>;
  /** A package of these files; finalized unless it is to stay open. */
  package(
    files: Readonly<Record<string, Uint8Array>>,
    options?: { readonly open?: boolean; readonly retention_class?: string },
  ): Promise<string>;
}

export async function startPackageServer(
  settings: Partial<ServerSettings> = {},
  store: TestStoreOptions = {},
): Promise<PackageServer> {
  const test = await startTestServer(undefined, settings, undefined, store);
  let made = 0;
  const token = async (scopes: readonly string[]) => {
    made += 1;
    return (await test.registry.createToken({ name: `t${made}`, scopes })).secret;
  };
  const writer = await token(["package.write"]);
  return {
    ...test,
    writer,
    token,
    ask: (method, path, { body, headers = {} } = {}) =>
      ask(test.server.url + path, {
        method,
        headers: {
          Authorization: `Bearer ${writer}`,
          ...(body && { "Content-Length": `${body.length}` }),
          ...headers,
        },
        ...(body && { body }),
      }),
    package: async (files, { open = false, ...more } = {}) => {
      const { id } = await test.registry.createPackage({ kind: "run", ...more });
      for (const [path, bytes] of Object.entries(files)) {
        const { sha256 } = await test.registry.uploadObject(sourceOf(bytes));
        await test.registry.addPackageFiles(id, [{ path, sha256 }]);
      }
      if (!open) await test.registry.finalizePackage(id);
      return id;
    },
  };
}

export function jsonOf({ body }: Answer): any {
  return JSON.parse(body.toString());
}

/** Status and code of a refusal. */
export function refusalOf(answer: Answer): string {
  return `${answer.status} ${jsonOf(answer).error.code}`;
}
