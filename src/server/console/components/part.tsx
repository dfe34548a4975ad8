import type { Child } from "hono/jsx";

import { Command } from "./copy.tsx";

interface PartProps {
  title: string;
  id?: string;
  /** Beside the title. */
  note?: Child;
  /** At the right. */
  end?: Child;
  children?: Child;
}

/** A part of a page, under a heading. */
export function Part({ title, id, note, end, children }: PartProps) {
  return (
    <section class="part" id={id}>
      <div class="part-head">
        <h2>{title}</h2>
        {note !== undefined && <span class="t3">{note}</span>}
        {end !== undefined && <span class="end">{end}</span>}
      </div>
      {children}
    </section>
  );
}

interface HeadProps {
  title: Child;
  meta?: Child;
  actions?: Child;
  /** Address of a picture. */
  picture?: string | null;
}

/** The head of a page: what it is about, what is known at a glance, what can be done. */
export function Head({ title, meta, actions, picture = null }: HeadProps) {
  return (
    <div class="head">
      {picture !== null && <img src={picture} alt="" width={40} height={40} />}
      <div>
        <h1>{title}</h1>
        {meta !== undefined && <p class="meta">{meta}</p>}
      </div>
      {actions !== undefined && <div class="actions">{actions}</div>}
    </div>
  );
}

/** Where nothing is: what is missing, and the command that makes it. */
export function Empty({ children, command }: { children?: Child; command?: string | undefined }) {
  return (
    <div class="say">
      <p>{children}</p>
      {command !== undefined && <Command text={command} />}
    </div>
  );
}

interface LinkButtonProps {
  href: string;
  /** The page's main action. */
  isMain?: boolean;
  isSmall?: boolean;
  /** The key that opens it. */
  shortcut?: string;
  children?: Child;
}

/** A link that looks like what it leads to: an act, on a page of its own. */
export function LinkButton({ href, isMain = false, isSmall = false, shortcut, children }: LinkButtonProps) {
  const classes = ["btn", isMain && "go", isSmall && "small"].filter(Boolean).join(" ");
  return (
    <a class={classes} href={href} data-key={shortcut} aria-keyshortcuts={shortcut}>
      {children}
    </a>
  );
}
