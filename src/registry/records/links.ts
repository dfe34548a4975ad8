export interface ShareRecord {
  readonly id: string;
  readonly app: string;
  /** Null: every channel of the app. */
  readonly channel: string | null;
  readonly status: "active" | "revoked" | "expired";
  readonly created_by: string;
  readonly created_at: string;
  readonly expires_at: string;
  readonly revoked_at: string | null;
  /** What to hand out, where a server knows its address; with the secret in it in the answer of `createShare` only. */
  readonly url: string | null;
}

/** What makes an address a signed one: a device that follows it needs no credentials until it ends. */
export interface LinkSignature {
  /** In whole seconds, as the address says it. */
  readonly expires_at: string;
  /** 64 lower-case hexadecimal digits. */
  readonly signature: string;
}

/** A signed address of one artifact's bytes. */
export interface DownloadLink extends LinkSignature {
  readonly sha256: string;
  readonly artifact_id: string;
  /** The whole address, where a server knows its own. */
  readonly url: string | null;
}

/** What `manifest.plist` tells a device that installs an in-house app. */
export interface InstallManifest {
  readonly bundle_id: string;
  /**
   * Apple's field is the bundle version (`CFBundleVersion`), which a release carries as its build; the version stands in
   * for a release without one.
   */
  readonly bundle_version: string;
  readonly title: string;
  readonly ipa: DownloadLink;
}
