/** A part waits on the local disk until it is full; a smaller upload is one request. */
const FIRST_PART_BYTES = 8 * 1024 * 1024;
/** S3 takes 10,000 parts. Doubling after each thousand they hold 8 TiB, more than an object may have. */
const DOUBLED_AFTER = 1_000;

/** How long the `number`-th part (from 1) is, unless it is the last. The same in every process, which reading back relies on. */
export function partBytes(number: number): number {
  return FIRST_PART_BYTES * 2 ** Math.floor((number - 1) / DOUBLED_AFTER);
}
