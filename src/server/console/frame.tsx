import type { Child } from "hono/jsx";

import { assetPath } from "../assets.ts";
import { htmlOf } from "../pages/document.tsx";
import { shownName } from "../pages/wording.ts";
import { Icon, type IconName, IconShapes } from "./components/icon.tsx";
import { wordedEvents } from "./event-words.tsx";
import { may, roleOf, type Viewer } from "./viewer.ts";

export interface Crumb {
  readonly label: string;
  /** None for the page itself. */
  readonly href?: string;
}

/** Where a page belongs in the navigation. */
export type Section = "overview" | "apps" | "packages" | "audit" | "tokens" | "settings" | null;

export interface Page {
  readonly title: string;
  readonly section: Section;
  /** The way to the page, without the page itself. */
  readonly crumbs?: readonly Crumb[];
  /** The number of the last event that the page knows, where it follows the log. */
  readonly liveAfter?: number | undefined;
  /** Which events it is about: what they have at `actor`, `subject`, `type` and `data.app_id`; all of them when absent. */
  readonly liveOnly?: { readonly [path: string]: string } | undefined;
  readonly content: Child;
}

interface Item {
  readonly section: Exclude<Section, null>;
  readonly label: string;
  readonly href: string;
  readonly icon: IconName;
  readonly isOpen: (viewer: Viewer) => boolean;
}

/** Streams name each event by its type: a page has to list those that it listens to. */
const liveTypes = wordedEvents.map((action) => `v1.${action}`).join(" ");

const everybody = () => true;
const navigation: readonly Item[] = [
  { section: "overview", label: "Overview", href: "/admin/", icon: "overview", isOpen: everybody },
  { section: "apps", label: "Apps", href: "/admin/apps", icon: "apps", isOpen: everybody },
  {
    section: "packages",
    label: "Packages",
    href: "/admin/packages",
    icon: "packages",
    isOpen: (viewer) => may(viewer, "package.read"),
  },
  {
    section: "audit",
    label: "Audit",
    href: "/admin/audit",
    icon: "audit",
    isOpen: (viewer) => may(viewer, "audit"),
  },
  {
    section: "tokens",
    label: "Tokens",
    href: "/admin/tokens",
    icon: "tokens",
    isOpen: (viewer) => may(viewer, "token"),
  },
  { section: "settings", label: "Settings", href: "/admin/settings", icon: "settings", isOpen: everybody },
];

/** The whole text of a page in the console's frame. */
export function consolePage(viewer: Viewer, page: Page): string {
  const { title, section, crumbs = [], liveAfter, liveOnly, content } = page;
  return htmlOf(
    <ConsoleDocument title={title} viewer={viewer}>
      <body
        data-keys={viewer.hasKeys ? "" : undefined}
        data-live-after={liveAfter}
        data-live-types={liveAfter === undefined ? undefined : liveTypes}
        data-live-only={liveOnly === undefined ? undefined : JSON.stringify(liveOnly)}
      >
        <IconShapes />
        <a class="skip" href="#main">
          Skip to content
        </a>
        <div class="shell">
          <Side viewer={viewer} section={section} />
          <div>
            <Top crumbs={[...crumbs, { label: title }]} isLive={liveAfter !== undefined} />
            <main id="main" tabindex={-1}>
              {content}
            </main>
          </div>
        </div>
      </body>
    </ConsoleDocument>,
  );
}

/** The document around a page of the console, with the frame or without. */
export function ConsoleDocument({
  title,
  viewer,
  children,
}: {
  title: string;
  viewer: Pick<Viewer, "theme"> | null;
  children?: Child;
}) {
  const theme = viewer === null || viewer.theme === "auto" ? undefined : viewer.theme;
  return (
    <html lang="en" data-theme={theme}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{`${title} · dist`}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href={assetPath("console.css")} />
        <script src={assetPath("console.js")} defer></script>
      </head>
      {children}
    </html>
  );
}

function Side({ viewer, section }: { viewer: Viewer; section: Section }) {
  return (
    <aside class="side" aria-label="Console">
      <div>
        <a class="brand" href="/admin/">
          dist <small>{new URL(viewer.baseUrl).host}</small>
        </a>
        <nav class="nav" aria-label="Main">
          {navigation
            .filter(({ isOpen }) => isOpen(viewer))
            .map((item) => (
              <a href={item.href} aria-current={item.section === section ? "page" : undefined}>
                <Icon name={item.icon} />
                {item.label}
              </a>
            ))}
        </nav>
        <div class="whoami">
          <span>
            <b>{shownName(viewer.principal.actor)}</b>
          </span>
          <span>{roleOf(viewer)}</span>
          <div>
            <a href="/admin/keys">Keys</a>
            <form method="post" action="/admin/sign-out">
              <input type="hidden" name="csrf" value={viewer.csrf} />
              <button type="submit" class="btn small">
                Sign out
              </button>
            </form>
          </div>
        </div>
      </div>
    </aside>
  );
}

function Top({ crumbs, isLive }: { crumbs: readonly Crumb[]; isLive: boolean }) {
  return (
    <header class="top">
      <nav aria-label="Where you are">
        <ol class="crumbs">
          {crumbs.map(({ label, href }) => (
            <li>
              {href === undefined ? <span aria-current="page">{label}</span> : <a href={href}>{label}</a>}
            </li>
          ))}
        </ol>
      </nav>
      <form class="find" role="search" action="/admin/search">
        <label class="vh" for="q">
          Search apps, versions, digests, ids, packages
        </label>
        <Icon name="find" />
        <input id="q" name="q" type="search" placeholder="App, version, digest, id" autocomplete="off" />
        <kbd aria-hidden="true">/</kbd>
      </form>
      {isLive && (
        <span class="live script-only" role="status" data-live-state>
          Live
        </span>
      )}
    </header>
  );
}
