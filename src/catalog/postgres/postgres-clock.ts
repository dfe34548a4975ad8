import { type Clock, systemClock } from "../../base/clock.ts";
import { catalogErrors } from "../errors.ts";
import type { PostgresConnection } from "./postgres-connection.ts";

/** How far this machine's clock may be from the database's. */
const MAX_SKEW_MS = 60_000;

/**
 * The database's time, shifted as far as `clock` is from the machine's. The machine's own clock stands in for the
 * database's where they agree: when the database's answer lies between question and answer. Raises `clock.skew`.
 */
export async function databaseClock(connection: PostgresConnection, clock: Clock): Promise<Clock> {
  const before = systemClock.nowMs();
  const database = Number(
    await connection.scalar("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"),
  );
  const after = systemClock.nowMs();
  const skewMs = database < before ? database - before : Math.max(0, database - after);
  if (Math.abs(skewMs) > MAX_SKEW_MS) {
    const seconds = Math.round(Math.abs(skewMs) / 1000);
    throw catalogErrors.error(
      "clock.skew",
      `This machine's clock is ${seconds} s ${skewMs > 0 ? "behind" : "ahead of"} the database's.`,
      { details: { skew_ms: skewMs, limit_ms: MAX_SKEW_MS }, hint: "Set the clocks, with NTP for instance." },
    );
  }
  const nowMs = clock.nowMs() + skewMs;
  return { nowMs: () => nowMs };
}
