import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { Secret } from "../../src/base/secret.ts";
import { type Misbehaviour, OpenIdProvider } from "../support/openid-provider.ts";
import { startTestServer, type TestServer } from "./process-server.ts";

let provider: OpenIdProvider;
let site: TestServer;
beforeEach(async () => {
  provider = await OpenIdProvider.start();
  provider.user = {
    sub: "7",
    claims: { email: "maya@example.org", email_verified: true, groups: ["staff", "releases"] },
  };
  site = await startTestServer(undefined, {
    oidc: {
      issuer: provider.issuer,
      clientId: provider.clientId,
      clientSecret: new Secret(provider.clientSecret),
      scopes: "openid email",
      roleClaim: "groups",
      viewers: ["staff"],
      releaseManagers: ["releases"],
      administrators: ["operators"],
    },
  });
});
afterEach(async () => {
  await site.close();
  await provider.stop();
});

async function get(url: string, cookies: readonly string[] = []) {
  const answer = await fetch(url, {
    redirect: "manual",
    headers: { Cookie: cookies.join("; "), Accept: "text/html" },
  });
  const set = answer.headers.getSetCookie().map((one) => one.split(";", 1)[0]!);
  return { status: answer.status, location: answer.headers.get("Location"), set, text: await answer.text() };
}

/** To the provider and back; answers what the callback answers. */
async function signIn(to = "/admin/apps", change: (back: URL) => void = () => {}) {
  const begun = await get(`${site.server.url}/admin/sign-in/oidc?to=${encodeURIComponent(to)}`);
  expect(begun.status).toBe(303);
  const { location } = await get(begun.location!);
  const back = new URL(location!);
  change(back);
  return { back, pending: begun.set, ...(await get(back.href, begun.set)) };
}

const sessionOf = (set: readonly string[]) => set.find((one) => /^dist_session=./.test(one));

describe("signing in with an identity provider", () => {
  it("is offered where there is one", async () => {
    const { text } = await get(`${site.server.url}/admin/sign-in`);
    expect(text).toContain("/admin/sign-in/oidc");
  });

  it("leads to where somebody wanted to go, as who the provider says they are", async () => {
    const { status, location, set } = await signIn("/admin/settings");
    expect([status, location]).toEqual([303, "/admin/settings"]);
    const { text } = await get(`${site.server.url}/admin/settings`, [sessionOf(set)!]);
    expect(text).toContain("user:maya@example.org");
    expect(text).toContain("Release manager");
  });

  it.each([
    ["staff", "Viewer"],
    ["releases", "Release manager"],
    ["operators", "Administrator"],
  ])("gives whoever has %s the role %s", async (group, role) => {
    provider.user = { sub: "7", claims: { groups: group } };
    const { set } = await signIn();
    const { text } = await get(`${site.server.url}/admin/settings`, [sessionOf(set)!]);
    expect(text).toContain(role);
    expect(text).toContain("user:7");
  });

  // Whoever names themselves what they like must not act in somebody else's name.
  it.each([
    [{ email: "root@example.org" }],
    [{ email: "root@example.org", email_verified: false }],
    [{ preferred_username: "root" }],
    [{ name: "root" }],
  ])("names nobody by what the provider did not verify: %j", async (claims) => {
    provider.user = { sub: "7", claims: { ...claims, groups: ["staff"] } };
    const { set } = await signIn();
    const { text } = await get(`${site.server.url}/admin/settings`, [sessionOf(set)!]);
    expect(text).toContain("user:7");
    expect(text).not.toContain("user:root");
  });

  it("takes the role from the user info where the ID token does not say", async () => {
    provider.user = { sub: "7", info: { groups: ["operators"] } };
    const { set } = await signIn();
    expect((await get(`${site.server.url}/admin/settings`, [sessionOf(set)!])).text).toContain(
      "Administrator",
    );
  });

  it("of somebody without a role is refused: auth.oidc_no_role", async () => {
    provider.user = { sub: "7", claims: { groups: ["guests"] } };
    const { status, set, text } = await signIn();
    expect([status, sessionOf(set)]).toEqual([403, undefined]);
    expect(text).toContain("auth.oidc_no_role");
  });

  it.each<[Misbehaviour]>([["nonce"], ["audience"], ["signature"], ["expired"], ["issuer"]])(
    "is refused with another %s than there should be: auth.oidc_refused",
    async (wrong) => {
      provider.wrong = wrong;
      const { status, set, text } = await signIn();
      expect([status, sessionOf(set)]).toEqual([401, undefined]);
      expect(text).toContain("auth.oidc_refused");
    },
  );

  it("is refused with another state, another code, and a second time", async () => {
    for (const change of [
      (back: URL) => back.searchParams.set("state", "other"),
      (back: URL) => back.searchParams.set("code", "other"),
      (back: URL) => back.searchParams.set("error", "access_denied"),
    ]) {
      expect((await signIn("/admin/", change)).text).toContain("auth.oidc_refused");
    }
    const { back, pending, status } = await signIn();
    expect(status).toBe(303);
    expect((await get(back.href, pending)).status).toBe(401);
  });

  it("that another browser began is refused", async () => {
    const begun = await get(`${site.server.url}/admin/sign-in/oidc`);
    const { location } = await get(begun.location!);
    for (const cookies of [[], ["dist_oidc=e30"], ["dist_oidc=%"]]) {
      const { status, set, text } = await get(location!, cookies);
      expect([status, sessionOf(set)]).toEqual([401, undefined]);
      expect(text).toContain("auth.oidc_refused");
    }
  });

  it("while the provider is down says so, and works once it is there: auth.oidc_unavailable", async () => {
    await provider.stop();
    const { status, text } = await get(`${site.server.url}/admin/sign-in/oidc`);
    expect(status).toBe(503);
    expect(text).toContain("auth.oidc_unavailable");
    expect(text).toContain("Token");
  });

  it("keeps nothing of it in the log", async () => {
    const { back, set } = await signIn();
    const log = JSON.stringify(site.log);
    expect(log).not.toContain(back.searchParams.get("code"));
    expect(log).not.toContain(sessionOf(set)!.split("=")[1]);
    expect(log).not.toContain(provider.clientSecret);
  });
});
