import { formatTable } from "../../inspect/formats.ts";
import type { Platform } from "../../inspect/inspection.ts";

/**
 * The platform that files with this name's extension are mostly for: the first one of the formats that use it.
 * Undefined where formats of different platforms share the extension (`.zip`), or none has it.
 */
export function guessPlatform(filename: string): Platform | undefined {
  const name = filename.toLowerCase();
  const guesses = new Set(
    Object.values(formatTable)
      .filter((row) => row.variants.some(({ extensions }) => extensions.some((end) => name.endsWith(end))))
      .map((row) => row.platforms[0]),
  );
  const [guess] = guesses;
  return guesses.size === 1 ? guess : undefined;
}
