import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A key and its certificate, as files in PEM. */
export interface SigningKey {
  readonly key: string;
  readonly certificate: string;
}

export interface SigningKeyOptions {
  /** Arguments of `openssl genpkey`. RSA of 2048 bits when absent. */
  readonly algorithm?: readonly string[];
  /** `/C=GB/O=Acme/CN=Acme` */
  readonly subject: string;
  /** Who signs the certificate; itself when absent. */
  readonly issuer?: SigningKey;
  /** The extendedKeyUsage, as openssl's configuration has it. */
  readonly purpose?: string;
  readonly isAuthority?: boolean;
  /** More extensions, as openssl's configuration has them: `1.2.3=DER:0500`. */
  readonly extensions?: readonly string[];
  /** From yesterday on; ten years when absent. */
  readonly days?: number;
}

/** A directory for keys, certificates and what is signed with them, made with openssl. Call `remove` at the end. */
export class SigningKeys {
  readonly directory: string;
  #count = 0;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(): Promise<SigningKeys> {
    return new SigningKeys(await mkdtemp(join(tmpdir(), "dist-keys-")));
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  async make(options: SigningKeyOptions): Promise<SigningKey> {
    this.#count += 1;
    const name = this.path(`key-${this.#count}`);
    const { algorithm = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], issuer } = options;
    const made = { key: `${name}.key`, certificate: `${name}.pem` };
    await this.openssl("genpkey", ...algorithm, "-out", made.key);
    const extensions = [
      `basicConstraints=critical,CA:${options.isAuthority === true ? "TRUE" : "FALSE"}`,
      "subjectKeyIdentifier=hash",
      ...(options.extensions ?? []),
      ...(options.purpose === undefined ? [] : [`extendedKeyUsage=critical,${options.purpose}`]),
    ];
    await writeFile(`${name}.cnf`, `[req]\ndistinguished_name=dn\n[dn]\n[own]\n${extensions.join("\n")}\n`);
    const request = ["-new", "-config", `${name}.cnf`, "-utf8", "-key", made.key, "-subj", options.subject];
    await this.openssl("req", ...request, "-out", `${name}.csr`);
    const signedBy = issuer ? ["-CA", issuer.certificate, "-CAkey", issuer.key] : ["-signkey", made.key];
    const serial = ["-set_serial", String(1000 + this.#count), "-days", String(options.days ?? 3650)];
    const own = ["-extfile", `${name}.cnf`, "-extensions", "own"];
    await this.openssl(
      "x509",
      "-req",
      "-in",
      `${name}.csr`,
      ...signedBy,
      ...serial,
      ...own,
      "-out",
      made.certificate,
    );
    return made;
  }

  /** Runs openssl in the directory. */
  async openssl(...args: readonly string[]): Promise<void> {
    await run("openssl", args, { cwd: this.directory });
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true });
  }
}
