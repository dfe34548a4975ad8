/** Random damage, for tests only. */
import fc from "fast-check";

/** How many damaged files a property is tried with. */
export const mutationRuns = process.env["DIST_TEST_LONG"] === undefined ? 2_000 : 100_000;

/** Numbers at which lengths and counts go wrong, as the bytes of either order. */
const telling = [0, 1, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff];

type Change = (file: Buffer) => Buffer;

/** The same place in any file. */
const place = fc.nat({ max: 2 ** 30 });

const setByte = fc.tuple(place, fc.integer({ min: 0, max: 255 })).map(([at, value]): Change => (file) => {
  file[at % file.length] = value;
  return file;
});

const flipBit = fc.tuple(place, fc.nat({ max: 7 })).map(([at, bit]): Change => (file) => {
  file[at % file.length]! ^= 1 << bit;
  return file;
});

const setNumber = fc
  .tuple(place, fc.constantFrom(...telling), fc.constantFrom("writeUInt32LE", "writeUInt32BE"))
  .map(([at, value, write]): Change => (file) => {
    if (file.length >= 4) file[write as "writeUInt32LE"](value, at % (file.length - 3));
    return file;
  });

const cutOff = place.map(
  (at): Change =>
    (file) =>
      file.subarray(0, at % file.length),
);

/** One part of the file over another: structures inside each other, things that stand twice. */
const copyPart = fc
  .tuple(place, place, fc.integer({ min: 1, max: 600 }))
  .map(([from, to, length]): Change => (file) => {
    file.copy(file, to % file.length, from % file.length, (from % file.length) + length);
    return file;
  });

const change = fc.oneof(
  { weight: 4, arbitrary: setByte },
  { weight: 3, arbitrary: flipBit },
  { weight: 3, arbitrary: setNumber },
  { weight: 1, arbitrary: cutOff },
  { weight: 2, arbitrary: copyPart },
);

/** One of the files with one to six things changed in it. */
export function mutationsOf(files: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const changes = fc.array(change, { minLength: 1, maxLength: 6 });
  return fc.tuple(fc.constantFrom(...files), changes).map(([file, wanted]) => {
    let changed: Buffer = Buffer.from(file);
    for (const apply of wanted) if (changed.length > 0) changed = apply(changed);
    return changed;
  });
}
