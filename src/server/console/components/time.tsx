const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Further away a date says more than a number of days. */
const RELATIVE_DAYS = 14;

const dayAndMonth = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const wholeDay = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  timeZone: "UTC",
});

/** A moment as people say it: `5 h`, `in 3 d`, `28 Oct`, and the year where it is another one. */
export function relativeTime(at: string, nowMs: number): string {
  const atMs = Date.parse(at);
  const apart = Math.abs(nowMs - atMs);
  if (apart >= RELATIVE_DAYS * DAY) {
    const isThisYear = new Date(atMs).getUTCFullYear() === new Date(nowMs).getUTCFullYear();
    return (isThisYear ? dayAndMonth : wholeDay).format(atMs);
  }
  if (apart < MINUTE) return "now";
  const words =
    apart < HOUR
      ? `${Math.floor(apart / MINUTE)} min`
      : apart < DAY
        ? `${Math.floor(apart / HOUR)} h`
        : `${Math.floor(apart / DAY)} d`;
  return atMs > nowMs ? `in ${words}` : words;
}

/** `20 Nov 2026, 14:31:05 UTC`. */
export function absoluteTime(at: string): string {
  return `${wholeDay.format(Date.parse(at))}, ${at.slice(11, 19)} UTC`;
}

interface TimeProps {
  at: string | null;
  nowMs: number;
  /** In a sentence: `5 h ago`, `on 28 Oct`. */
  isInSentence?: boolean;
}

/** A moment, relative to now, the absolute one in its title; a dash for none. */
export function Time({ at, nowMs, isInSentence = false }: TimeProps) {
  if (at === null) return <span class="t3">–</span>;
  const words = relativeTime(at, nowMs);
  return (
    <time datetime={at} title={absoluteTime(at)}>
      {isInSentence ? inSentence(words) : words}
    </time>
  );
}

function inSentence(words: string): string {
  if (words === "now" || words.startsWith("in ")) return words;
  return /^\d+ (?:min|h|d)$/.test(words) ? `${words} ago` : `on ${words}`;
}
