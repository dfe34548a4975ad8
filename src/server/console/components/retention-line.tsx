import type { RetentionRecord } from "../../../registry/records/packages.ts";
import { shownName } from "../../pages/wording.ts";
import { absoluteTime } from "./time.tsx";

interface Props {
  retention: RetentionRecord;
  createdAt: string;
  nowMs: number;
}

/** How long a package is kept, drawn: from its making to its end, with its extensions, and where we are. */
export function RetentionLine({ retention, createdAt, nowMs }: Props) {
  const { current_expires_at: end, extensions } = retention;
  if (end === null) return null;
  const startMs = Date.parse(createdAt);
  const endMs = Math.max(Date.parse(end), nowMs);
  const share = (ms: number) => ((ms - startMs) / Math.max(1, endMs - startMs)) * 100;
  const percent = (value: number) => `${Math.min(100, Math.max(0, value)).toFixed(2)}%`;
  return (
    <figure class="chart">
      <svg
        width="100%"
        height="16"
        role="img"
        aria-label={`Kept from ${absoluteTime(createdAt)} to ${absoluteTime(end)}, extended ${extensions.length} times`}
      >
        <rect class="track" y="5" width="100%" height="6" />
        <rect class="s1" y="5" width={percent(share(Math.min(nowMs, Date.parse(end))))} height="6" />
        {extensions.map(({ at, reason }) => (
          <rect class="s-amber" x={percent(share(Date.parse(at)))} y="2" width="3" height="12">
            <title>{`Extended ${absoluteTime(at)}: ${shownName(reason)}`}</title>
          </rect>
        ))}
      </svg>
      <p class="chart-ends">
        <span>{createdAt.slice(0, 10)}</span>
        <span>{end.slice(0, 10)}</span>
      </p>
    </figure>
  );
}
