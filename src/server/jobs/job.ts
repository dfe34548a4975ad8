/** Something to do again and again while a store is served. */
export interface Job {
  /** As logs and the store call it. */
  readonly name: string;
  readonly intervalMs: number;
  /** Does it once. Should end soon when the signal is aborted; what it then raises is not a failure. */
  run(signal: AbortSignal): Promise<void>;
}
