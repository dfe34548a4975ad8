import type { Child } from "hono/jsx";

export interface Column {
  /** "" for a column of links and buttons. */
  readonly label: string;
  /** Numbers stand at the right, and so does their head. */
  readonly isNumber?: boolean;
}

interface TableProps {
  /** What it lists, for readers of the screen. */
  caption: string;
  columns: readonly Column[];
  /** A head cell before the others. */
  first?: Child;
  id?: string;
  /** How many rows it has: where they are many and it has an id, they can be filtered as somebody types. */
  count?: number;
  children?: Child;
}

/** Fewer are seen at a glance. */
const FEW_ROWS = 8;

/** A table. Its roles are named because the narrow layout turns rows into blocks, which takes their own from them. */
export function Table({ caption, columns, first, id, count = 0, children }: TableProps) {
  const table = (
    <div class="scroll" role="region" aria-label={caption} tabindex={0} id={id}>
      <table role="table">
        <caption class="vh">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {first}
            {columns.map(({ label, isNumber = false }) => (
              <th role="columnheader" scope="col" class={isNumber ? "number" : undefined}>
                {label === "" ? <span class="vh">What can be done</span> : label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">{children}</tbody>
      </table>
    </div>
  );
  if (id === undefined || count < FEW_ROWS) return table;
  return (
    <>
      <p class="quick script-only">
        <input
          type="search"
          data-filter={id}
          aria-label="Filter these rows"
          placeholder="Filter these rows"
        />
        <span class="t3" role="status" data-filter-count={id}></span>
      </p>
      {table}
    </>
  );
}

interface RowProps {
  /** Where `Enter` goes when the row is chosen. */
  href?: string;
  /** What `y` copies. */
  copy?: string;
  isDim?: boolean;
  children?: Child;
}

export function Row({ href, copy, isDim = false, children }: RowProps) {
  return (
    <tr role="row" class={isDim ? "dim" : undefined} data-row={href} data-id={copy}>
      {children}
    </tr>
  );
}

/** The cell that names its row. */
export function NameCell({ children }: { children?: Child }) {
  return (
    <th role="rowheader" scope="row">
      {children}
    </th>
  );
}

interface CellProps {
  /** Shown before the value where rows are blocks. */
  label?: string | undefined;
  isNumber?: boolean;
  /** Left out where rows are blocks. */
  isQuiet?: boolean;
  children?: Child;
}

export function Cell({ label, isNumber = false, isQuiet = false, children }: CellProps) {
  const classes = [isNumber && "number", isQuiet && "quiet"].filter(Boolean).join(" ");
  return (
    <td role="cell" class={classes === "" ? undefined : classes} data-label={label}>
      {children}
    </td>
  );
}

interface PagerProps {
  /** The page's address with its filters, without a cursor. */
  href: string;
  next: string | null;
  isFirst: boolean;
}

/** Forward page by page, and back to the first one: cursors know no other way. */
export function Pager({ href, next, isFirst }: PagerProps) {
  if (next === null && isFirst) return null;
  const join = href.includes("?") ? "&" : "?";
  return (
    <nav class="pager" aria-label="Pages">
      {!isFirst && <a href={href}>First page</a>}
      {next !== null && (
        <a rel="next" href={`${href}${join}after=${encodeURIComponent(next)}`}>
          Older
        </a>
      )}
    </nav>
  );
}
