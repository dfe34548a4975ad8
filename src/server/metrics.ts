import { AggregatorRegistry, collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

import type { EventTail } from "../registry/event-tail.ts";
import type { Peers } from "./peers.ts";

/** Methods that get a label of their own: a client must not make new time series by inventing methods. */
const LABELLED_METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** Upper bounds of the duration histogram, in seconds; the last ones are uploads. */
const DURATION_BUCKETS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600];

/** What `/metrics` shows. */
export interface Metrics {
  /** Notes a request that has begun. */
  requestBegan(): void;
  /** Notes its end. */
  requestEnded(method: string, status: number, durationMs: number): void;
  /** Notes bytes of a file that arrived. */
  uploaded(bytes: number): void;
  /** Notes bytes of a file that are on their way to a client. */
  downloaded(bytes: number): void;
  /** The Prometheus text format, version 0.0.4: of all processes of the server. Raises `metrics.incomplete`. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** Counters of one server, apart from those of any other in the process. */
export function createMetrics(store: { readonly tail: Pick<EventTail, "head"> }, peers?: Peers): Metrics {
  const register = new Registry();
  const registers = [register];
  // The delay of the event loop is sampled by a timer: at the default of 10 ms an idle server would wake a hundred times a second.
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: 100 });
  const requests = new Counter({
    name: "dist_http_requests_total",
    help: "Finished HTTP requests.",
    labelNames: ["method", "status"] as const,
    registers,
  });
  const durations = new Histogram({
    name: "dist_http_request_duration_seconds",
    help: "From the request's headers to the end of the answer.",
    labelNames: ["method"] as const,
    buckets: DURATION_BUCKETS,
    registers,
  });
  const open = new Gauge({
    name: "dist_http_open_requests",
    help: "HTTP requests that have begun and not ended, event streams among them.",
    registers,
  });
  const uploaded = new Counter({
    name: "dist_uploaded_bytes_total",
    help: "Bytes of files that arrived, whether or not they were kept.",
    registers,
  });
  const downloaded = new Counter({
    name: "dist_downloaded_bytes_total",
    help: "Bytes of files sent by this server; not those that a proxy sends for it.",
    registers,
  });
  const head = new Gauge({
    name: "dist_event_log_head",
    help: "The sequence number of the last event; absent while the store cannot be read.",
    registers,
    // Every process reads the same log.
    aggregator: "max",
    collect: async () => {
      await store.tail.head().then(
        (seq) => head.set(seq),
        () => head.remove(),
      );
    },
  });
  peers?.answerMetrics(() => register.getMetricsAsJSON());
  return {
    requestBegan: () => open.inc(),
    requestEnded: (given, status, durationMs) => {
      const method = LABELLED_METHODS.has(given) ? given : "other";
      open.dec();
      requests.inc({ method, status });
      durations.observe({ method }, durationMs / 1000);
    },
    uploaded: (bytes) => uploaded.inc(bytes),
    downloaded: (bytes) => downloaded.inc(bytes),
    text: async () => {
      if (peers === undefined) return register.metrics();
      return AggregatorRegistry.aggregate([...(await peers.allMetrics())]).metrics();
    },
    contentType: register.contentType,
  };
}
