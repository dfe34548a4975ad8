import { renderToString } from "hono/jsx/dom/server";
import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";

import { dayOf } from "./wording.ts";
import { stylesheetPath } from "./stylesheet.ts";

/** The frame of every page. */
export function Document({ title, children }: { title: string; children?: Child }) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{title}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href={stylesheetPath} />
      </head>
      <body>{children}</body>
    </html>
  );
}

/** The text of a whole page. Nothing in it may be asynchronous. */
export function htmlOf(page: JSX.Element): string {
  return `<!doctype html>${renderToString(page)}`;
}

/** The day of an RFC 3339 time, the moment itself in its title. */
export function Day({ at }: { at: string }) {
  return (
    <time datetime={at} title={`${at.slice(0, 16).replace("T", " ")} UTC`}>
      {dayOf(at)}
    </time>
  );
}

/** A command to copy: one click or tap selects all of it. */
export function Command({ text }: { text: string }) {
  return <code class="cmd">{text}</code>;
}
