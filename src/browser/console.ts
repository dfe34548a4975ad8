/**
 * What the console does beyond links and forms: keys, copying, filters, what is new, uploads with their progress. Pages work without it.
 */
import { followLog } from "./live.ts";
import { watchUploads } from "./upload.ts";

document.documentElement.classList.add("script");

const sections: Readonly<Record<string, string>> = {
  o: "/admin/",
  a: "/admin/apps",
  p: "/admin/packages",
  l: "/admin/audit",
  t: "/admin/tokens",
  s: "/admin/settings",
};

/** How long `g` waits for the letter after it. */
const SECOND_KEY_MS = 1_500;

let wasG = Number.NEGATIVE_INFINITY;

function onKey(event: KeyboardEvent): void {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]")) {
    if (key === "Escape") target.blur();
    return;
  }
  if (performance.now() - wasG < SECOND_KEY_MS && sections[key] !== undefined) {
    wasG = Number.NEGATIVE_INFINITY;
    location.assign(sections[key]);
    return;
  }
  wasG = key === "g" ? performance.now() : Number.NEGATIVE_INFINITY;
  const act = keys[key] ?? (() => openByKey(key));
  if (act(event)) event.preventDefault();
}

const keys: Readonly<Record<string, (event: KeyboardEvent) => boolean>> = {
  "/": () => focusOn("#q"),
  "?": () => (location.assign("/admin/keys"), true),
  ".": () => click("[data-show-new]"),
  j: () => choose(1),
  k: () => choose(-1),
  y: () => copyChosen(),
  Enter: ({ target }) => (target === document.body || isRow(target)) && openChosen(),
};

/** Links that say which key opens them: the chosen row's first, then the page's. */
function openByKey(key: string): boolean {
  if (!/^[a-z]$/.test(key)) return false;
  const selector = `a[data-key="${key}"]`;
  const link =
    chosen()?.querySelector<HTMLElement>(selector) ?? document.querySelector<HTMLElement>(selector);
  link?.click();
  return link !== null;
}

const rows = () => [...document.querySelectorAll<HTMLElement>("tr[data-row]:not([hidden])")];
const isRow = (target: EventTarget | null) => target instanceof HTMLElement && target.matches("tr[data-row]");
const chosen = () => document.querySelector<HTMLElement>('tr[aria-selected="true"]');

function choose(step: number): boolean {
  const all = rows();
  if (all.length === 0) return false;
  const now = chosen();
  const at = now === null ? (step > 0 ? 0 : all.length - 1) : all.indexOf(now) + step;
  const next = all[Math.min(all.length - 1, Math.max(0, at))]!;
  now?.removeAttribute("aria-selected");
  next.setAttribute("aria-selected", "true");
  next.tabIndex = -1;
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  return true;
}

function openChosen(): boolean {
  const address = chosen()?.dataset["row"];
  if (address === undefined) return false;
  location.assign(address);
  return true;
}

function copyChosen(): boolean {
  const text = chosen()?.dataset["id"];
  if (text === undefined) return false;
  void copy(text);
  return true;
}

function focusOn(selector: string): boolean {
  const field = document.querySelector<HTMLInputElement>(selector);
  field?.focus();
  field?.select();
  return field !== null;
}

function click(selector: string): boolean {
  const element = document.querySelector<HTMLElement>(selector);
  element?.click();
  return element !== null;
}

async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Only pages that came over HTTPS, or from this machine, may write to the clipboard.
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-copy]") : null;
  if (button === null) return;
  const label = button.getAttribute("aria-label") ?? "Copy";
  void copy(button.dataset["copy"]!).then(() => {
    button.setAttribute("aria-label", "Copied");
    button.title = "Copied";
    setTimeout(() => {
      button.setAttribute("aria-label", label);
      button.title = "";
    }, 2_000);
  });
});

// A filter of the rows that are here, while somebody types; what it hides is still in the list.
document.addEventListener("input", (event) => {
  const { target } = event;
  if (!(target instanceof HTMLInputElement) || target.dataset["filter"] === undefined) return;
  const words = target.value.toLowerCase().split(/\s+/).filter(Boolean);
  const table = CSS.escape(target.dataset["filter"]);
  const all = [...document.querySelectorAll<HTMLElement>(`#${table} tbody tr`)];
  for (const row of all) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
  }
  const count = document.querySelector(`[data-filter-count="${table}"]`);
  const left = all.filter((row) => !row.hidden).length;
  if (count !== null) count.textContent = words.length === 0 ? "" : `${left} of ${all.length} on this page`;
});

if (document.body.dataset["keys"] !== undefined) document.addEventListener("keydown", onKey);
followLog();
watchUploads();
