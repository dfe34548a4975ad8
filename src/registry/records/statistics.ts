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

/** Packages and the bytes of their files. Files that several have count for each. */
export interface PackageSum {
  readonly packages: number;
  readonly size_bytes: number;
}

/** What the finalized packages that are not deleted take, releases among them. */
export interface StorageUsage extends PackageSum {
  /** What is stored: identical bytes once, and besides packages' files also manifests, icons, notes and uploads. */
  readonly objects: { readonly objects: number; readonly size_bytes: number };
  /** Most bytes first; null are releases that no class keeps. */
  readonly by_class: readonly (PackageSum & { readonly retention_class: string | null })[];
  /** What its packages are kept by; each is in one of them. */
  readonly by_state: {
    readonly held: PackageSum;
    /** Not held, and recorded as due by the last sweep. */
    readonly eligible: PackageSum;
    /** Neither, of a class that never ends. */
    readonly permanent: PackageSum;
    readonly kept: PackageSum;
  };
  /** Most bytes first, 50 at most. */
  readonly by_app: readonly (PackageSum & { readonly app: string })[];
  /** Apps beyond those. */
  readonly other_apps: PackageSum;
  /** Packages of no app. */
  readonly evidence: PackageSum;
  /** By the month they were created in, latest first. */
  readonly by_month: readonly (PackageSum & { readonly month: string })[];
}
