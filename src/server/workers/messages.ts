import type { ErrorKind, ErrorDetails } from "../../base/errors.ts";
import type { ServerSettings } from "../../config/server-settings.ts";
import type { StorageSettings } from "../../registry/storage-settings.ts";
import type { StoreSettings } from "../../registry/store-settings.ts";
import type { MetricFigures } from "../peers.ts";

/**
 * What the supervisor and its workers say to each other, over the channel that Node opens between them (structured clones).
 *
 *     supervisor                          worker
 *        start ----------------------------->
 *        <------- first_token?, listening | failed
 *        stop ------------------------------>   ends
 *
 *     Figures, for the worker whose `/metrics` was asked:
 *        <---------------------- figures_wanted
 *        figures_expected ------------------>
 *        read_figures ----------------------> every worker
 *        <----------------------------- figures
 *        figures --------------------------->
 */
export type ToWorker = Start | { readonly type: "stop" } | AboutFigures;

export type ToSupervisor =
  | { readonly type: "first_token"; readonly secret: string }
  | { readonly type: "listening"; readonly url: string; readonly port: number }
  | { readonly type: "failed"; readonly error: Failure }
  | { readonly type: "figures_wanted"; readonly id: number }
  | Figures;

/** All that a worker knows: it reads no configuration, so a later one runs under the same as those before it. */
export interface Start {
  readonly type: "start";
  /** From 1; a worker that replaces another has its number. */
  readonly worker: number;
  readonly directory: string;
  readonly store: StoreSettings;
  readonly storage: StorageSettings;
  readonly server: ServerSettings;
  /** Make a store that is missing. */
  readonly create: boolean;
  /** Do what one process does for all. */
  readonly leads: boolean;
}

/** What the figures' collection says to a worker. */
export type AboutFigures =
  | { readonly type: "figures_expected"; readonly id: number; readonly count: number }
  | { readonly type: "read_figures"; readonly id: number; readonly asker: number }
  | Figures;

/** One worker's figures, for the worker `asker` that asked under `id`. */
interface Figures {
  readonly type: "figures";
  readonly id: number;
  readonly asker: number;
  readonly figures: MetricFigures;
}

/** A `DistError` on its way to another process. */
export interface Failure {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly message: string;
  readonly details: ErrorDetails;
  readonly hint: string | undefined;
}
