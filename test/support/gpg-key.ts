import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A key of its own in a directory of its own. */
export interface GpgKey {
  /** What GNUPGHOME has to be. */
  readonly home: string;
  /** In lower-case hex. */
  readonly fingerprint: string;
  /** Runs gpg there; throws when it fails. */
  gpg(args: readonly string[], input?: Uint8Array): Buffer;
  remove(): void;
}

/** Makes a key without a passphrase, of an algorithm as gpg names it: `ed25519`, `rsa2048`. */
export function makeGpgKey(algorithm: string, userId = "Acme Packages <packages@acme.example>"): GpgKey {
  const home = mkdtempSync(join(tmpdir(), "dist-gpg-"));
  const gpg = (args: readonly string[], input?: Uint8Array): Buffer => {
    const always = [
      "--homedir",
      home,
      "--batch",
      "--no-tty",
      "--pinentry-mode",
      "loopback",
      "--passphrase",
      "",
    ];
    const run = spawnSync("gpg", [...always, ...args], { input });
    if (run.status !== 0) throw new Error(`gpg ${args.join(" ")}: ${run.stderr.toString()}`);
    return run.stdout;
  };
  gpg(["--quick-gen-key", userId, algorithm, "sign", "never"]);
  const listed = gpg(["--list-keys", "--with-colons"]).toString();
  const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(listed)![1]!.toLowerCase();
  return {
    home,
    fingerprint,
    gpg,
    remove: () => {
      spawnSync("gpgconf", ["--homedir", home, "--kill", "all"]);
      rmSync(home, { recursive: true, force: true });
    },
  };
}
