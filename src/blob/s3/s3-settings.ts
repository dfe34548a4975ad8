/** Where objects are in an S3-compatible store, and how it is reached. */
export interface S3Settings {
  /** `https://…`; null for Amazon's own of the region. */
  readonly endpoint: string | null;
  readonly region: string;
  readonly bucket: string;
  /** Goes before every key: empty, or text that ends with a slash. */
  readonly prefix: string;
  /** The bucket stands in the path, not in the host name. */
  readonly pathStyle: boolean;
  readonly accessKeyId: string;
  readonly secretAccessKey: { reveal(): string };
  /** PEM file of the authorities that may have signed the endpoint's certificate, instead of the system's; null for those. */
  readonly caFile: string | null;
  /** Who sends the bytes of a download: the store itself, behind a signed address, or this program. */
  readonly downloads: "redirect" | "proxy";
  /** Where parts wait until they are sent; made when it is missing. */
  readonly spoolDirectory: string;
}

/** How long the store is waited for. Tests wait less. */
export interface S3Timing {
  readonly connectMs: number;
  /** The longest silence on a connection. */
  readonly idleMs: number;
  /** The wait before the second attempt; doubled before each further one. */
  readonly firstWaitMs: number;
  readonly attempts: number;
}

export const defaultTiming: S3Timing = {
  connectMs: 5_000,
  idleMs: 30_000,
  firstWaitMs: 100,
  attempts: 6,
};
