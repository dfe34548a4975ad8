import { collectDefaultMetrics, Counter, Histogram, Registry } from "prom-client";

/** Methods that get a label of their own: a client must not make new time series by inventing methods. */
const LABELLED_METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** Upper bounds of the duration histogram, in seconds; the last ones are uploads. */
const DURATION_BUCKETS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600];

/** What `/metrics` shows. */
export interface Metrics {
  /** Notes one finished request. */
  request(method: string, status: number, durationMs: number): void;
  /** The Prometheus text format, version 0.0.4. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** Counters of one server, apart from those of any other in the process. */
export function createMetrics(): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const requests = new Counter({
    name: "dist_http_requests_total",
    help: "Finished HTTP requests.",
    labelNames: ["method", "status"] as const,
    registers: [register],
  });
  const durations = new Histogram({
    name: "dist_http_request_duration_seconds",
    help: "From the request's headers to the end of the answer.",
    labelNames: ["method"] as const,
    buckets: DURATION_BUCKETS,
    registers: [register],
  });
  return {
    request: (given, status, durationMs) => {
      const method = LABELLED_METHODS.has(given) ? given : "other";
      requests.inc({ method, status });
      durations.observe({ method }, durationMs / 1000);
    },
    text: () => register.metrics(),
    contentType: register.contentType,
  };
}
