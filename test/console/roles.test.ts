import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { scopes, type Scope } from "../../src/registry/records/tokens.ts";
import { startTestServer, type TestServer } from "../server/process-server.ts";
import { sourceOf, tarArtifact, tarGzBytes } from "../support/test-store.ts";

/** What can be done in the console: the scope it needs, the page that offers it to those who have that, and the form. */
interface Act {
  readonly name: string;
  readonly needs: Scope;
  readonly page: () => string;
  readonly link: () => string;
  readonly form: () => Readonly<Record<string, string>>;
}

const app = "/admin/apps/acme";
let site: TestServer;
let first: string;
let second: string;
let packageId: string;
let hold: string;
let token: string;

const acts: readonly Act[] = [
  {
    name: "promote",
    needs: "promote",
    page: () => `${app}/channels/beta`,
    link: () => `${app}/channels/beta/promote`,
    form: () => ({ release: first, rollout_percent: "100" }),
  },
  {
    name: "roll back",
    needs: "promote",
    page: () => `${app}/channels/beta`,
    link: () => `${app}/channels/beta/rollback`,
    form: () => ({}),
  },
  {
    name: "revoke a release",
    needs: "promote",
    page: () => `${app}/releases/${second}`,
    link: () => `${app}/releases/${second}/revoke`,
    form: () => ({}),
  },
  {
    name: "add a channel",
    needs: "promote",
    page: () => app,
    link: () => `${app}/channels/new`,
    form: () => ({ name: "pilot", promote: "manual", rollout_percent: "100" }),
  },
  {
    name: "set a channel up",
    needs: "promote",
    page: () => `${app}/channels/beta`,
    link: () => `${app}/channels/beta/settings`,
    form: () => ({ promote: "manual", rollout_percent: "50" }),
  },
  {
    name: "set the app up",
    needs: "admin",
    page: () => app,
    link: () => `${app}/settings`,
    form: () => ({
      display_name: "Acme",
      visibility: "private",
      ios_mode: "artifact_only",
      retention_keep: "0",
    }),
  },
  {
    name: "make a token",
    needs: "token",
    page: () => "/admin/tokens",
    link: () => "/admin/tokens/new",
    form: () => ({ name: "made", scopes: "token" }),
  },
  {
    name: "revoke a token",
    needs: "token",
    page: () => "/admin/tokens",
    link: () => `/admin/tokens/${token}/revoke`,
    form: () => ({}),
  },
  {
    name: "hold",
    needs: "retention",
    page: () => `/admin/packages/${packageId}`,
    link: () => `/admin/packages/${packageId}/hold`,
    form: () => ({ reason: "asked for" }),
  },
  {
    name: "extend",
    needs: "retention",
    page: () => `/admin/packages/${packageId}`,
    link: () => `/admin/packages/${packageId}/extend`,
    form: () => ({ reason: "asked for", until: "2050-01-01" }),
  },
  {
    name: "release a hold",
    needs: "retention",
    page: () => `/admin/packages/${packageId}`,
    link: () => `/admin/packages/${packageId}/holds/${hold}/release`,
    form: () => ({ reason: "settled" }),
  },
  {
    name: "clean up",
    needs: "admin",
    page: () => "/admin/retention",
    link: () => "/admin/retention/cleanup",
    form: () => ({}),
  },
];

/** Who has a scope, by itself or by what it carries. Everybody may also see what the page is about. */
const roles: readonly (readonly [name: string, scopes: readonly Scope[]])[] = [
  ["nobody but a reader", ["read", "package.read", "audit"]],
  ...scopes.map((scope) => [`somebody with ${scope}`, ["read", "package.read", scope]] as const),
];
const may = (own: readonly Scope[], needed: Scope) => own.includes("admin") || own.includes(needed);

beforeAll(async () => {
  site = await startTestServer(undefined);
  await fill();
});
afterAll(() => site.close());

async function fill(): Promise<void> {
  const { registry } = site;
  await registry.createApp("acme", { visibility: "private" });
  const publish = async (version: string) => {
    const { sha256 } = await registry.uploadObject(sourceOf(tarGzBytes(version)));
    return (
      await registry.publish({ app: "acme", version, channel: "beta", artifacts: [tarArtifact(sha256)] })
    ).release.id;
  };
  first = await publish("1.0");
  second = await publish("2.0");
  const made = await registry.createPackage({ kind: "run" });
  packageId = made.id;
  const { sha256 } = await registry.uploadObject(sourceOf(Buffer.from("a")));
  await registry.addPackageFiles(packageId, [{ path: "a", sha256 }]);
  await registry.finalizePackage(packageId);
  hold = (await registry.holdPackage(packageId, { reason: "first" })).id;
  token = (await registry.createToken({ name: "other", scopes: ["token"] })).id;
}

async function signIn(own: readonly Scope[], name: string) {
  const { secret } = await site.registry.createToken({ name, scopes: own });
  const answer = await fetch(`${site.server.url}/admin/sign-in`, {
    method: "POST",
    redirect: "manual",
    body: new URLSearchParams({ token: secret }),
  });
  const cookie = answer.headers.getSetCookie()[0]!.split(";", 1)[0]!;
  const headers = { Cookie: cookie, Accept: "text/html" };
  const get = async (path: string) => {
    const page = await fetch(`${site.server.url}${path}`, { headers, redirect: "manual" });
    return { status: page.status, text: await page.text() };
  };
  const csrf = /name="csrf" value="([^"]+)"/.exec((await get("/admin/settings")).text)![1]!;
  const post = async (path: string, form: Readonly<Record<string, string>>) => {
    const body = new URLSearchParams({ csrf, ...form });
    return (await fetch(`${site.server.url}${path}`, { method: "POST", headers, redirect: "manual", body }))
      .status;
  };
  return { get, post };
}

const head = async () => (await site.registry.storeStatus()).head;

describe.each(roles)("%s", (name, own) => {
  let person: Awaited<ReturnType<typeof signIn>>;
  beforeAll(async () => {
    person = await signIn(own, name);
  });

  it.each(acts.map((act) => [act.name, act] as const))(
    "%s: is offered and done, or neither",
    async (_name, act) => {
      const isAllowed = may(own, act.needs);
      const { status, text } = await person.get(act.page());
      const isOffered = status === 200 && text.includes(`href="${act.link()}"`);
      expect(isOffered).toBe(isAllowed);
      if (isAllowed) {
        expect((await person.get(act.link())).status).toBe(200);
        return;
      }
      const before = await head();
      expect(await person.post(act.link(), act.form())).toBe(403);
      expect(await head()).toBe(before);
    },
  );
});

// What is refused to others must be something that works.
describe("an administrator", () => {
  it.each(acts.map((act) => [act.name, act] as const))("%s: the form does it", async (name, act) => {
    const person = await signIn(["admin"], `admin for ${name}`);
    expect([200, 303]).toContain(await person.post(act.link(), act.form()));
  });
});
