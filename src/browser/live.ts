/** How often a page that follows the log is read again at most. */
const REFRESH_MS = 2_000;

/**
 * Follows the log where the page says so. Numbers are updated in place, from the page as the server makes it now; how many
 * events came stands behind a link, so that no list jumps.
 */
export function followLog(): void {
  const after = document.body.dataset["liveAfter"];
  if (after === undefined) return;
  const state = document.querySelector<HTMLElement>("[data-live-state]");
  const source = new EventSource(`/api/events?after=${encodeURIComponent(after)}`);
  const isOurs = matcher(document.body.dataset["liveOnly"]);
  let count = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  source.addEventListener("open", () => show("", "Live"));
  source.addEventListener("error", () => {
    const since = new Date().toTimeString().slice(0, 5);
    show("lost", `Not live since ${since}`);
  });
  for (const type of eventTypes()) source.addEventListener(type, onEvent);

  function onEvent({ data }: MessageEvent<string>): void {
    if (!isOurs(data)) return;
    count += 1;
    timer ??= setTimeout(() => {
      timer = undefined;
      announce(count);
      void refresh();
    }, REFRESH_MS);
  }

  function show(value: string, words: string): void {
    if (state === null) return;
    state.dataset["state"] = value;
    if (state.textContent !== words) state.textContent = words;
  }
}

/** Tells the events that a page with a filter is about, from the values that they have at some paths. */
function matcher(only: string | undefined): (text: string) => boolean {
  if (only === undefined) return () => true;
  const wanted = Object.entries(JSON.parse(only) as Record<string, string>);
  return (text) => {
    const event = JSON.parse(text) as Record<string, unknown> & { data?: Record<string, unknown> };
    const values: Record<string, unknown> = { ...event, "data.app_id": event.data?.["app_id"] };
    return wanted.every(([path, value]) => values[path] === value);
  };
}

/** The server's streams name each event by its type: a page lists those that it follows. */
function eventTypes(): readonly string[] {
  return (document.body.dataset["liveTypes"] ?? "").split(" ").filter(Boolean);
}

function announce(count: number): void {
  const link = document.querySelector<HTMLAnchorElement>("[data-show-new]");
  if (link === null) return;
  link.textContent = count === 1 ? "1 new event. Show it" : `${count} new events. Show them`;
  link.href = location.href;
  link.hidden = false;
}

/** Takes over what the page as it would be now says in the places that have a name. */
async function refresh(): Promise<void> {
  if (document.querySelector("[data-live]") === null) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => undefined);
  if (answer?.ok !== true) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const element of document.querySelectorAll<HTMLElement>("[data-live]")) {
    const now = page.querySelector(`[data-live="${CSS.escape(element.dataset["live"]!)}"]`);
    if (now !== null && now.textContent !== element.textContent) element.replaceChildren(...now.childNodes);
  }
}
