export interface PageRequest {
  /** 1 to 1,000; 50 when absent. */
  readonly limit?: number;
  /** The `next` of the page before. */
  readonly after?: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export interface ReportOptions {
  readonly onProgress?: (progress: {
    readonly phase: string;
    readonly done: number;
    readonly total: number | null;
    /** What is counted; things when absent. */
    readonly unit?: "bytes";
  }) => void;
  readonly signal?: AbortSignal;
}
