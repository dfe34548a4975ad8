import type { DayPeriod } from "../../catalog/queries/statistics.ts";
import { validationErrors } from "../errors.ts";
import type { StatisticsRequest } from "../records/statistics.ts";
import { dayBefore, DOWNLOAD_DAYS, dayOf } from "./days.ts";

const DEFAULT_DAYS = 30;

/** The days that a request asks for, today among them. Raises `statistics.invalid_days`. */
export function periodOf({ days = DEFAULT_DAYS }: StatisticsRequest, nowMs: number): DayPeriod {
  if (!Number.isInteger(days) || days < 1 || days > DOWNLOAD_DAYS) {
    throw validationErrors.error(
      "statistics.invalid_days",
      `Statistics are of 1 to ${DOWNLOAD_DAYS} days, not ${days}.`,
      { details: { days, maximum: DOWNLOAD_DAYS } },
    );
  }
  return { from: dayBefore(nowMs, days - 1), to: dayOf(nowMs) };
}
