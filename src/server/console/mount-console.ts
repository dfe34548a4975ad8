import type { Context, Hono, MiddlewareHandler } from "hono";

import { DistError } from "../../base/errors.ts";
import { nothingHere, statusOf } from "../http-errors.ts";
import type { PartDeps, ServerEnv } from "../server-context.ts";
import type { FormState } from "./components/form.tsx";
import { consoleHeaders } from "./console-headers.ts";
import { consolePage, type Page } from "./frame.tsx";
import { mountAppSettings } from "./pages/app-settings.tsx";
import { mountApp } from "./pages/app.tsx";
import { mountApps } from "./pages/apps.tsx";
import { mountAudit } from "./pages/audit.tsx";
import { mountChannel } from "./pages/channel.tsx";
import { mountCompare } from "./pages/compare.tsx";
import { mountComponents } from "./pages/components.tsx";
import { mountOverview } from "./pages/overview.tsx";
import { mountPackageActs } from "./pages/package-acts.tsx";
import { mountPackage } from "./pages/package.tsx";
import { mountPackages } from "./pages/packages.tsx";
import { mountPreview } from "./pages/preview.tsx";
import { problemPage } from "./pages/problem.tsx";
import { mountPromote } from "./pages/promote.tsx";
import { mountPublish } from "./pages/publish.tsx";
import { mountRelease } from "./pages/release.tsx";
import { mountRetention } from "./pages/retention.tsx";
import { mountRevoke } from "./pages/revoke.tsx";
import { mountSearch } from "./pages/search.tsx";
import { mountSettings } from "./pages/settings.tsx";
import { mountSignIn } from "./pages/sign-in.tsx";
import { mountTokens } from "./pages/tokens.tsx";
import { type Viewer, viewerOf } from "./viewer.ts";

/** What the pages are put together with. */
export interface ConsoleDeps extends PartDeps {
  /** Shows a page to whoever is signed in, or leads to another. */
  show(make: (viewer: Viewer, c: ConsoleContext) => Promise<Page | Elsewhere>): ConsoleHandler;
  /** Takes a form: the address to go on to, or the page again, with what was wrong. */
  act(make: (viewer: Viewer, c: ConsoleContext) => Promise<Next>): ConsoleHandler;
}

export type ConsoleContext = Context<ServerEnv>;
export type ConsoleHandler = (c: ConsoleContext) => Promise<Response>;

interface Elsewhere {
  readonly to: string;
}

/** What follows a form. */
export type Next = Elsewhere | { readonly again: Page; readonly state: FormState };

/** Adds the pages of one part of the console. */
export type MountPages = (app: Hono<ServerEnv>, deps: ConsoleDeps) => void;

const parts: readonly MountPages[] = [
  mountOverview,
  mountApps,
  mountApp,
  mountRelease,
  mountCompare,
  mountRevoke,
  mountPromote,
  mountChannel,
  mountPublish,
  mountAppSettings,
  mountPackages,
  mountPackage,
  mountPackageActs,
  mountRetention,
  mountAudit,
  mountTokens,
  mountPreview,
  mountSearch,
  mountComponents,
  mountSettings,
];

/**
 * The console under `/admin`: pages for people who are signed in, everything else is sent to `/admin/sign-in`. What a page shows it
 * reads through the registry as its viewer; what the viewer may not see is not there, and what they may not do is refused by the registry.
 */
export function mountConsole(app: Hono<ServerEnv>, deps: PartDeps): void {
  app.use("/admin/*", setHeaders);
  app.get("/admin", (c) => c.redirect("/admin/", 308));
  mountSignIn(app, deps);
  app.use("/admin/*", requireSession);
  const page = (c: ConsoleContext, viewer: Viewer, made: Page, status: 200 | Status = 200) =>
    c.html(consolePage(viewer, made), status);
  const viewer = (c: ConsoleContext) => viewerOf(c, deps.clock.nowMs());
  const consoleDeps: ConsoleDeps = {
    ...deps,
    show: (make) => (c) => {
      const who = viewer(c);
      return orProblem(c, who, async () => {
        const made = await make(who, c);
        return "to" in made ? c.redirect(made.to, 303) : page(c, who, made);
      });
    },
    act: (make) => (c) => {
      const who = viewer(c);
      return orProblem(c, who, async () => {
        const next = await make(who, c);
        if ("to" in next) return c.redirect(next.to, 303);
        const { error } = next.state;
        return page(c, who, next.again, error === undefined ? 200 : statusOf(error));
      });
    },
  };
  for (const mount of parts) mount(app, consoleDeps);
  app.get(
    "/admin/*",
    consoleDeps.show(() => Promise.reject(nothingHere())),
  );

  /** What a page could not be made for is said in the frame, so that the way on stays in sight. */
  async function orProblem(c: ConsoleContext, who: Viewer, make: () => Promise<Response>): Promise<Response> {
    try {
      return await make();
    } catch (error) {
      if (!(error instanceof DistError)) throw error;
      return page(c, who, problemPage(error), statusOf(error));
    }
  }
}

type Status = ReturnType<typeof statusOf>;

const setHeaders: MiddlewareHandler<ServerEnv> = async (c, next) => {
  for (const [name, value] of Object.entries(consoleHeaders)) c.header(name, value);
  await next();
};

/** Where somebody wanted to go before they signed in stands in the address, as a path below `/admin`. */
const requireSession: MiddlewareHandler<ServerEnv> = async (c, next) => {
  if (c.var.session !== undefined) {
    await next();
    return undefined;
  }
  const { pathname, search } = new URL(c.req.url);
  const isPage = c.req.method === "GET" || c.req.method === "HEAD";
  const to = isPage && pathname !== "/admin/" ? `?to=${encodeURIComponent(pathname + search)}` : "";
  return c.redirect(`/admin/sign-in${to}`, 303);
};
