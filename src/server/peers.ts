import type { Registry } from "prom-client";

/** The figures of one process, as they go to another. */
export type MetricFigures = Awaited<ReturnType<Registry["getMetricsAsJSON"]>>;

/** All processes of one server, this one among them, as it sees them. */
export interface Peers {
  /** Says how the figures of this process are read, whichever of them asks. */
  answerMetrics(read: () => Promise<MetricFigures>): void;
  /** The figures of every process. Raises `metrics.incomplete` when one does not answer in time. */
  allMetrics(): Promise<readonly MetricFigures[]>;
}
