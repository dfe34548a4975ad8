import type { Hono } from "hono";

import { authErrors } from "../../../registry/errors.ts";
import { requireSameOrigin } from "../../csrf.ts";
import { statusOf } from "../../http-errors.ts";
import { htmlOf } from "../../pages/document.tsx";
import type { PartDeps, ServerEnv } from "../../server-context.ts";
import { createOidc } from "../../oidc.ts";
import {
  clearSessionCookie,
  setPendingSignIn,
  setSessionCookie,
  takePendingSignIn,
} from "../../session-cookie.ts";
import { Form, type FormState, Submit, TextField } from "../components/form.tsx";
import { IconShapes } from "../components/icon.tsx";
import { Head, LinkButton } from "../components/part.tsx";
import { readForm, readUnsignedForm, refusedForm, sentForm } from "../forms.ts";
import { ConsoleDocument } from "../frame.tsx";
import type { ConsoleContext } from "../mount-console.ts";

/**
 * `GET`, `POST /admin/sign-in`: a token for a session; `GET …/oidc` and `…/oidc/callback`, by way of an identity provider;
 * `POST /admin/sign-out`.
 */
export function mountSignIn(app: Hono<ServerEnv>, { store, settings }: PartDeps): void {
  const oidc = settings.oidc === null ? null : createOidc(settings.oidc);
  const hasProvider = oidc !== null;

  app.get("/admin/sign-in", (c) => {
    const to = pathWithin(c.req.query("to"));
    return c.html(signInPage({ csrf: "", values: { to } }, hasProvider));
  });

  app.post("/admin/sign-in", async (c) => {
    requireSameOrigin(c);
    const form = await readUnsignedForm(c);
    try {
      const { secret } = await c.var.attempt(() =>
        store.signIn(form.text("token"), c.req.header("user-agent") ?? null),
      );
      await goOn(c, secret);
      return c.redirect(pathWithin(form.text("to")), 303);
    } catch (error) {
      const state = refusedForm({ csrf: "" }, form, error, { "auth.": "token" });
      return c.html(signInPage(state, hasProvider), statusOf(state.error));
    }
  });

  if (oidc !== null) {
    app.get("/admin/sign-in/oidc", async (c) => {
      const to = pathWithin(c.req.query("to"));
      try {
        const { url, pending } = await oidc.begin(c.var.baseUrl, to);
        setPendingSignIn(c, pending);
        return c.redirect(url, 303);
      } catch (error) {
        return refused(c, error, to);
      }
    });

    app.get("/admin/sign-in/oidc/callback", async (c) => {
      const pending = takePendingSignIn(c);
      const to = pathWithin(pending?.to);
      try {
        const person = await c.var.attempt(async () => {
          if (pending === undefined) {
            throw authErrors.error(
              "auth.oidc_refused",
              "This sign-in was not begun in this browser, or long ago.",
              {
                hint: "Begin again.",
              },
            );
          }
          return await oidc.finish(c.var.baseUrl, new URL(c.req.url).search, pending);
        });
        const { secret } = await store.signInPerson(person, c.req.header("user-agent") ?? null);
        await goOn(c, secret);
        return c.redirect(to, 303);
      } catch (error) {
        return refused(c, error, to);
      }
    });
  }

  /** Whatever session the browser had before is not the one it goes on with. */
  async function goOn(c: ConsoleContext, secret: string): Promise<void> {
    if (c.var.session !== undefined) await c.var.registry.endSession(c.var.session.id);
    setSessionCookie(c, secret);
  }

  function refused(c: ConsoleContext, error: unknown, to: string): Response | Promise<Response> {
    const form = sentForm(new URLSearchParams({ to }));
    const state = refusedForm({ csrf: "" }, form, error);
    return c.html(signInPage(state, hasProvider), statusOf(state.error));
  }

  app.post("/admin/sign-out", async (c) => {
    // Another site's form comes without the cookie, and its answer would take that away.
    requireSameOrigin(c);
    if (c.var.session !== undefined) {
      const form = await readForm(c);
      if (form.text("everywhere") === "yes") await store.endAllSessions(c.var.principal);
      else await c.var.registry.endSession(c.var.session.id);
    }
    clearSessionCookie(c);
    return c.redirect("/admin/sign-in", 303);
  });
}

/** Somewhere below `/admin` on this server, or its first page: never an address that somebody else chose. */
export function pathWithin(to: string | undefined): string {
  return to !== undefined && /^\/admin\/[\w./?&=%~@:+-]*$/.test(to) && !to.includes("..") ? to : "/admin/";
}

function signInPage(state: FormState, hasProvider: boolean): string {
  const to = state.values["to"] ?? "/admin/";
  return htmlOf(
    <ConsoleDocument title="Sign in" viewer={null}>
      <body>
        <IconShapes />
        <main class="sign-in">
          <Head title="Sign in" meta="dist, the release console of this server" />
          {hasProvider && (
            <p class="part">
              <LinkButton href={`/admin/sign-in/oidc?to=${encodeURIComponent(to)}`} isMain>
                Sign in with your organisation
              </LinkButton>
            </p>
          )}
          <div class="part">
            <Form state={state} action="/admin/sign-in" layout="panel">
              <input type="hidden" name="to" value={to} />
              <TextField
                state={state}
                name="token"
                label="Token"
                type="password"
                required
                autocomplete="current-password"
                hint="The session may do what the token may, ends with it, and lasts 12 hours at most."
              />
              <Submit>Sign in</Submit>
            </Form>
          </div>
          <p class="part t2">
            The first token was printed when this server started on a new store. Another one, on the machine
            of the store: <code>dist token create --name me --scope admin</code>
          </p>
        </main>
      </body>
    </ConsoleDocument>,
  );
}
