import type { Child } from "hono/jsx";

import type { StoreDecisions } from "../../../registry/records/status.ts";
import { decimalSize } from "../../pages/wording.ts";
import { Meter } from "./chart.tsx";
import { Icon } from "./icon.tsx";
import { Part } from "./part.tsx";
import { Time } from "./time.tsx";

interface HealthProps {
  title?: string;
  health: NonNullable<StoreDecisions["health"]>;
  nowMs: number;
  /** At the right of the title. */
  end?: Child;
}

/** How database, storage, servers and jobs are. */
export function Health({ title = "Health", health, nowMs, end }: HealthProps) {
  const { database, storage, nodes, jobs } = health;
  const { free_bytes: free, total_bytes: total } = storage;
  return (
    <Part title={title} end={end}>
      <ul class="rows">
        <li>
          <Icon name="passed" tone="ok" />
          <p>
            <b>Database</b> answers in {database.answer_ms} ms
            <span class="sub">
              {database.engine}, {decimalSize(database.size_bytes)}, schema {database.schema_version}
            </span>
          </p>
        </li>
        <li>
          <Icon
            name={storage.problems.length === 0 ? "passed" : "failed"}
            tone={storage.problems.length === 0 ? "ok" : "bad"}
          />
          <p>
            <b>Storage</b> {storage.problems.length === 0 ? "works" : storage.problems.join(", ")}
            <span class="sub">
              {storage.backend}
              {free !== null && total !== null && `, ${decimalSize(free)} of ${decimalSize(total)} free`}
            </span>
            {free !== null && total !== null && (
              <Meter label="Space used" parts={[{ share: (total - free) / Math.max(1, total) }]} />
            )}
          </p>
        </li>
        {nodes.map(({ name, seen_at: at, live }) => (
          <li>
            <Icon name={live ? "passed" : "findings"} tone={live ? "ok" : "warn"} />
            <p>
              <b>{name}</b> {live ? "runs" : "was last seen "}
              {!live && <Time at={at} nowMs={nowMs} isInSentence />}
            </p>
          </li>
        ))}
        {jobs.map(({ name, running, started_at: started, finished_at: finished }) => (
          <li>
            <Icon
              name={finished === null && !running && started !== null ? "findings" : "passed"}
              tone="ok"
            />
            <p>
              <b>{name}</b> {running ? "runs now" : "ran "}
              {!running && <Time at={finished ?? started} nowMs={nowMs} isInSentence />}
            </p>
          </li>
        ))}
      </ul>
    </Part>
  );
}
