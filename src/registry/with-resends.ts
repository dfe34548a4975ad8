import { hasCode } from "../base/errors.ts";

/** How often bytes are sent again that were collected, or whose lease another job of ours freed, before they were used. */
const MAX_RESENDS = 2;

/**
 * Makes a change that names uploaded bytes. Where some are gone by then, `resend` sends those with these digests, and it is made again;
 * so it is where what it was checked against changed meanwhile, as when two jobs publish a new app's first releases at once.
 */
export async function withResends<T>(
  change: () => Promise<T>,
  resend: (missing: ReadonlySet<string>) => Promise<void>,
): Promise<T> {
  for (let resends = 0; ; resends += 1) {
    try {
      return await change();
    } catch (error) {
      if (resends === MAX_RESENDS) throw error;
      if (hasCode(error, "object.missing"))
        await resend(new Set(error.details["missing"] as readonly string[]));
      else if (!hasCode(error, "package.changed")) throw error;
    }
  }
}
