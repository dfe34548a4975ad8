import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { unzipSync, type Zippable, zipSync } from "fflate";

import { demosApk } from "./acme-apk.ts";

const run = promisify(execFile);
const password = ["-keystore", "keys.p12", "-storepass", "password"];

/** Makes Android App Bundles in a directory of its own: aapt2 compiles what is in them, jarsigner signs. Call `remove` at the end. */
export class AppBundles {
  readonly #directory: string;
  #count = 0;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async create(): Promise<AppBundles> {
    const bundles = new AppBundles(await mkdtemp(join(tmpdir(), "dist-bundle-")));
    for (const [alias, algorithm] of [
      ["upload", ["-keyalg", "RSA", "-keysize", "2048"]],
      ["other", ["-keyalg", "EC", "-groupname", "secp256r1"]],
    ] as const) {
      const name = ["-alias", alias, "-dname", `CN=Acme ${alias}`, "-validity", "3650"];
      await bundles.#run("keytool", ["-genkeypair", ...password, ...name, ...algorithm]);
    }
    return bundles;
  }

  /** The base module of the demos' app as aapt2 converts it; of its resources and code those that are looked at. */
  async demos(): Promise<Zippable> {
    const apk = await this.write(await demosApk());
    await this.#run("aapt2", ["convert", "--output-format", "proto", "-o", "demos.zip", apk]);
    const converted = unzipSync(await readFile(join(this.#directory, "demos.zip")), {
      filter: ({ name }) =>
        /^(AndroidManifest\.xml|resources\.pb|assets\/.*|res\/.*app_sample_code.*)$/.test(name),
    });
    const base = Object.entries(converted).map(([name, bytes]) => [
      name === "AndroidManifest.xml" ? "base/manifest/AndroidManifest.xml" : `base/${name}`,
      bytes,
    ]);
    // `BundleConfig { bundletool { version: "1.15.6" } }`
    const config = Buffer.from("\x0a\x08\x12\x061.15.6", "latin1");
    return { "BundleConfig.pb": config, ...Object.fromEntries(base) };
  }

  /** A module's compiled manifest; `module` is what stands in it as XML. */
  async moduleManifest(name: string, module: string): Promise<Buffer> {
    const xml = `<manifest xmlns:dist="http://schemas.android.com/apk/distribution" package="io.appium.android.apis"
      split="${name}">${module}</manifest>`;
    await writeFile(join(this.#directory, "AndroidManifest.xml"), xml);
    const output = ["-o", "module.zip", "--manifest", "AndroidManifest.xml"];
    await this.#run("aapt2", ["link", "--proto-format", ...output]);
    return Buffer.from(
      unzipSync(await readFile(join(this.#directory, "module.zip")))["AndroidManifest.xml"]!,
    );
  }

  /** The bundle signed by the key `upload` or `other`, after those who signed it already. */
  async sign(bundle: Uint8Array, key: "upload" | "other" = "upload"): Promise<Buffer> {
    const path = await this.write(bundle);
    await this.#run("jarsigner", [...password, path, key]);
    return readFile(path);
  }

  /** The certificate's SHA-256 in hex, as keytool prints it. */
  fingerprint(key: "upload" | "other"): string {
    const { stdout } = spawnSync("keytool", ["-list", "-v", ...password, "-alias", key], {
      cwd: this.#directory,
      encoding: "utf8",
    });
    return /SHA256: ([0-9A-F:]+)/.exec(stdout)![1]!.replaceAll(":", "").toLowerCase();
  }

  /** Jarsigner's word: whether every entry is signed and all signatures hold. */
  async verifies(bundle: Uint8Array): Promise<boolean> {
    const path = await this.write(bundle);
    const { stdout, status } = spawnSync("jarsigner", ["-verify", path], { encoding: "utf8" });
    return status === 0 && /^jar verified\.$/m.test(stdout) && !/unsigned entries/.test(stdout);
  }

  async write(bytes: Uint8Array): Promise<string> {
    this.#count += 1;
    const path = join(this.#directory, `${this.#count}.zip`);
    await writeFile(path, bytes);
    return path;
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #run(command: string, args: readonly string[]): Promise<void> {
    await run(command, args, { cwd: this.#directory });
  }
}

/** The files as a bundle; with level 0 they stand in it as they are. */
export function bundleOf(files: Zippable, level: 0 | 6 = 6): Buffer {
  return Buffer.from(zipSync(files, { level }));
}
