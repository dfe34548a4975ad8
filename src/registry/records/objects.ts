import type { Readable } from "node:stream";

export interface UploadSource {
  /** A fresh pass over the bytes from `start`, 0 when absent. A chunk is good only until the next one is asked for. */
  open(start?: number): AsyncIterable<Uint8Array>;
  /** Undefined when it is not known before the end. */
  readonly sizeBytes?: number;
}

export interface UploadOptions {
  readonly expected?: { readonly size?: number | undefined; readonly sha256?: string | undefined };
  readonly onProgress?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

export interface UploadedObject {
  readonly sha256: string;
  readonly blake3: string;
  readonly size_bytes: number;
  /** Whether the caller could have known that these bytes were here. */
  readonly existed: boolean;
  readonly lease_expires_at: string;
}

/** An upload that arrives in pieces. */
export interface UploadRecord {
  readonly id: string;
  readonly size_bytes: number;
  /** Bytes before it are durable; the next piece begins here. It reaches `size_bytes` only together with `object`. */
  readonly offset: number;
  /** What its client said of it when it began. */
  readonly metadata: string | null;
  readonly expires_at: string;
  /** What was stored, once every byte is here. */
  readonly object: UploadedObject | null;
}

/** One piece of an upload. */
export interface UploadPiece {
  /** Where it begins. */
  readonly offset: number;
  /** Its length, where that is known before the end. */
  readonly sizeBytes?: number | undefined;
  /** Called once the piece is accepted; a chunk is good only until the next one is asked for. */
  open(): AsyncIterable<Uint8Array>;
  /** What the piece's bytes must hash to; without it as much as arrives of a piece counts. */
  readonly checksum?: { readonly algorithm: string; readonly digest: Uint8Array } | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What may be known of an object. */
export interface ObjectRecord {
  readonly sha256: string;
  readonly blake3: string;
  readonly size_bytes: number;
}

/** An object that may be read, with what a download says about it. */
export interface OpenedObject extends ObjectRecord {
  readonly content_type: string;
  /** The artifact's; null for notes and manifests. */
  readonly filename: string | null;
  /** True when anonymous callers may read it, so that any cache may keep it. */
  readonly is_public: boolean;
  /** What its download is counted as; null for what is no file of a release, and where it comes from another server. */
  readonly counted: CountedFile | null;
  /** Below the store directory, for a proxy that sends the bytes itself; null when there is no such file here. */
  readonly physical_key: string | null;
  /** The same file as a `file:` URL. */
  readonly file_url: string | null;
  /** The bytes, or those from `start` to `end`, both inclusive. */
  read(range?: ObjectRange): Promise<Readable>;
  /**
   * The same bytes for whoever passes them on: a chunk is good only until the next one is asked for. Iterated once, or
   * destroyed.
   */
  readChunks(range?: ObjectRange): Promise<AsyncIterable<Uint8Array> & { destroy(): void }>;
  /** An address at which the store itself gives the bytes for a while; null where they come from here. */
  presign(head: {
    readonly disposition: string;
    readonly contentType: string;
    readonly expiresInSeconds: number;
  }): Promise<string | null>;
}

/** A file of a release, as downloads are counted. */
export interface CountedFile {
  readonly app_id: string;
  /** By which the visitor came; empty when that is not known, or no channel of the app. */
  readonly channel: string;
  readonly release_id: string;
  readonly platform: string;
}

/** Bytes of an object, both ends inclusive; to its end without one. */
export interface ObjectRange {
  readonly start: number;
  readonly end?: number;
}
