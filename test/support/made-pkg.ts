import { createPrivateKey, sign, X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";

import { type SigningKey, SigningKeys } from "./signing-keys.ts";
import { buildXar, type XarInput, type XarOptions, type XarSignatureInput } from "./xar-builder.ts";

/** Apple's mark of a Developer ID Installer certificate. */
export const INSTALLER_MARK = "1.2.840.113635.100.6.1.14=critical,DER:0500";

export const distribution = `<?xml version="1.0" encoding="utf-8"?>
<installer-gui-script minSpecVersion="2">
  <title>Acme &amp; Co</title>
  <options hostArchitectures="x86_64,arm64" customize="never" require-scripts="false"/>
  <volume-check><allowed-os-versions><os-version min="13.0"/><os-version min="11.0" before="12"/></allowed-os-versions></volume-check>
  <license file="license.rtf"/>
  <pkg-ref id="com.acme.helper"/>
  <pkg-ref id="com.acme.helper" version="2.0" installKBytes="10">#helper.pkg</pkg-ref>
  <pkg-ref id="com.acme.app" version="1.4.0" installKBytes="5000">#acme.pkg</pkg-ref>
  <product id="com.acme.product" version="1.4.0"/>
</installer-gui-script>`;

export const packageInfo = `<?xml version="1.0" encoding="utf-8"?>
<pkg-info identifier="com.acme.app" version="1.4.0" format-version="2" install-location="/Applications" auth="root" overwrite-permissions="true">
  <payload numberOfFiles="42" installKBytes="5000"/>
  <bundle path="./Acme.app" id="com.acme.App" CFBundleShortVersionString="1.4.0" CFBundleVersion="1042"/>
  <bundle-version><bundle id="com.acme.App"/></bundle-version>
  <scripts><preinstall file="./preinstall"/><postinstall file="./postinstall"/></scripts>
</pkg-info>`;

const helperInfo = `<pkg-info identifier="com.acme.helper" version="2.0" install-location="/Library" auth="none"><payload installKBytes="10"/></pkg-info>`;

/** A product of two packages. */
export const productFiles: readonly XarInput[] = [
  { path: "Distribution", content: Buffer.from(distribution) },
  { path: "acme.pkg/PackageInfo", content: Buffer.from(packageInfo) },
  { path: "acme.pkg/Bom", content: Buffer.from("BOMStore") },
  { path: "acme.pkg/Payload", content: Buffer.alloc(300_000, "packed already "), stored: true },
  { path: "helper.pkg/PackageInfo", content: Buffer.from(helperInfo) },
];

/** Who signs packages in tests. */
export class PkgSigners {
  readonly keys: SigningKeys;
  readonly root: SigningKey;
  readonly installer: SigningKey;

  private constructor(keys: SigningKeys, root: SigningKey, installer: SigningKey) {
    this.keys = keys;
    this.root = root;
    this.installer = installer;
  }

  static async create(): Promise<PkgSigners> {
    const keys = await SigningKeys.create();
    const root = await keys.make({ subject: "/O=Apple Inc./CN=Made Root CA", isAuthority: true });
    const installer = await keys.make({
      subject:
        "/UID=ACME123456/CN=Developer ID Installer: Acme Ltd (ACME123456)/OU=ACME123456/O=Acme Ltd/C=GB",
      issuer: root,
      extensions: [INSTALLER_MARK],
      days: 365,
    });
    return new PkgSigners(keys, root, installer);
  }

  /** The roots that the reader is to trust. */
  async roots() {
    const root = await certificateOf(this.root);
    return { fingerprints: new Set([root.fingerprint256]), certificates: [root] };
  }

  /** A signed product: by RSA over the checksum and by a signed message, as productsign does. */
  async product(options: XarOptions & { readonly by?: SigningKey } = {}): Promise<Buffer> {
    const by = options.by ?? this.installer;
    const certificates = [(await certificateOf(by)).raw, (await certificateOf(this.root)).raw];
    const algorithm = options.algorithm ?? "sha1";
    const rsa: XarSignatureInput = {
      style: "RSA",
      sizeBytes: 256,
      certificates,
      sign: async (toc) => sign(algorithm, toc, createPrivateKey(await readFile(by.key))),
    };
    const cms: XarSignatureInput = {
      style: "CMS",
      sizeBytes: 8192,
      certificates,
      sign: async (_toc, checksum) => this.#signMessage(by, checksum),
    };
    return buildXar(productFiles, { signatures: [rsa, cms], ...options });
  }

  async #signMessage(by: SigningKey, checksum: Buffer): Promise<Buffer> {
    const { keys } = this;
    await writeFile(keys.path("checksum"), checksum);
    const signer = ["-signer", by.certificate, "-inkey", by.key, "-certfile", this.root.certificate];
    const files = ["-in", "checksum", "-out", "signature"];
    await keys.openssl("cms", "-sign", "-binary", "-outform", "DER", "-md", "sha256", ...signer, ...files);
    return readFile(keys.path("signature"));
  }
}

async function certificateOf({ certificate }: SigningKey): Promise<X509Certificate> {
  return new X509Certificate(await readFile(certificate));
}
