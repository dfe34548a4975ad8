/** A list of words is on one line as long as that is no longer. */
const MAX_LINE = 100;

/** How facts are shown. */
export interface FactStyle {
  /** What others wrote goes through it: where it is shown decides what must not be there raw. */
  readonly show: (text: string) => string;
  /** So much of a list stands in the sheet; the JSON has all of it. */
  readonly maxItems: number;
}

/** A fact for people: its name, and what it says on one line, or on lines of its own. */
export interface Fact {
  readonly name: string;
  readonly value: string | readonly string[];
}

/** What inspection found, for people. What is null or empty does not stand there. */
export function factSheet(facts: object, style: FactStyle): Fact[] {
  return entriesOf(facts).map(([name, value]) => ({
    name: titleOf(name, style),
    value: isCompound(value) ? linesOf(value, style) : scalar(value, style),
  }));
}

function linesOf(value: object, style: FactStyle): string | string[] {
  const items = Array.isArray(value) ? value : entriesOf(value);
  const shown = items.slice(0, style.maxItems);
  const more = items.length > shown.length ? [`… ${items.length - shown.length} more`] : [];
  if (!Array.isArray(value)) {
    return [
      ...factSheet(Object.fromEntries(shown as [string, unknown][]), style).flatMap(factLines),
      ...more,
    ];
  }
  const lines = [...shown.map((item) => itemText(item, style)), ...more];
  const line = lines.join(", ");
  return more.length === 0 && line.length <= MAX_LINE && !value.some(isCompound) ? line : lines;
}

/** A fact on one line where it has one, else its name and a line for each of its parts below. */
export function factLines({ name, value }: Fact): string[] {
  return typeof value === "string"
    ? [`${name}: ${value}`]
    : [`${name}:`, ...value.map((line) => `  ${line}`)];
}

/** One thing of a list, on one line: `scheme v2, verified yes, …`. */
function itemText(item: unknown, style: FactStyle): string {
  if (!isCompound(item)) return scalar(item, style);
  if (Array.isArray(item)) return item.map((one) => itemText(one, style)).join(" ");
  return entriesOf(item)
    .map(([name, value]) => `${titleOf(name, style)} ${itemText(value, style)}`)
    .join(", ");
}

function entriesOf(facts: object): [string, unknown][] {
  return Object.entries(facts).filter(([, value]) => !isNothing(value));
}

function titleOf(name: string, style: FactStyle): string {
  return style.show(name.replaceAll("_", " "));
}

function isCompound(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined || (isCompound(value) && Object.keys(value).length === 0);
}

function scalar(value: unknown, style: FactStyle): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return style.show(String(value));
}
