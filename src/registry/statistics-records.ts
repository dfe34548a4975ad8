/** What was downloaded, published and recorded over time. Days are UTC days, `2026-11-20`; both ends of a period count. */

export interface StatisticsRequest {
  /** Today and the days before it, 1 to 400; 30 when absent. */
  readonly days?: number;
}

export interface AppStatisticsRequest extends StatisticsRequest {
  /** Only what came by this channel, and what was published for it. */
  readonly channel?: string;
}

export interface AppStatistics {
  readonly app: string;
  readonly from: string;
  readonly to: string;
  /**
   * Latest day first, on a day the most downloaded first. Of a long list the rest of each day is one row, in which everything but the day
   * and the sum is null.
   */
  readonly downloads: readonly {
    readonly day: string;
    /** By which visitors came; null when that is not known. */
    readonly channel: string | null;
    readonly release_id: string | null;
    readonly version: string | null;
    readonly build: string | null;
    readonly platform: string | null;
    readonly downloads: number;
  }[];
  /** Latest day first; days without any are left out. */
  readonly published: readonly { readonly day: string; readonly releases: number }[];
}

export interface StoreStatistics {
  readonly from: string;
  readonly to: string;
  /** By day and app, latest day first: the apps with most in the period, the others of a day together with `app` null. */
  readonly downloads: readonly {
    readonly day: string;
    readonly app: string | null;
    readonly downloads: number;
  }[];
  /** The same of releases published. */
  readonly published: readonly {
    readonly day: string;
    readonly app: string | null;
    readonly releases: number;
  }[];
  /** Events of the log, earliest first. */
  readonly events: {
    /** The last three days by the hour; `hour` is when it begins. */
    readonly hours: readonly { readonly hour: string; readonly events: number }[];
    /** The whole period by the day. */
    readonly days: readonly { readonly day: string; readonly events: number }[];
  };
}
