import { execFileSync } from "node:child_process";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";

const file = fileURLToPath(import.meta.url);

/** A sound tar.gz, with this file in it. */
export const archive: Buffer = execFileSync("tar", ["-cz", "-C", dirname(file), basename(file)]);
