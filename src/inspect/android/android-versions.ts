/** Android's name for each API level, as in `android.os.Build.VERSION_CODES`. */
const names: ReadonlyMap<number, string> = new Map([
  [1, "1.0"],
  [2, "1.1"],
  [3, "1.5"],
  [4, "1.6"],
  [5, "2.0"],
  [6, "2.0.1"],
  [7, "2.1"],
  [8, "2.2"],
  [9, "2.3"],
  [10, "2.3.3"],
  [11, "3.0"],
  [12, "3.1"],
  [13, "3.2"],
  [14, "4.0"],
  [15, "4.0.3"],
  [16, "4.1"],
  [17, "4.2"],
  [18, "4.3"],
  [19, "4.4"],
  [20, "4.4W"],
  [21, "5.0"],
  [22, "5.1"],
  [23, "6.0"],
  [24, "7.0"],
  [25, "7.1"],
  [26, "8.0"],
  [27, "8.1"],
  [28, "9"],
  [29, "10"],
  [30, "11"],
  [31, "12"],
  [32, "12L"],
  [33, "13"],
  [34, "14"],
  [35, "15"],
  [36, "16"],
]);

/** "Android 8.0 (API 26)"; "Android API 99" for levels that are not named here. */
export function androidVersion(apiLevel: number): string {
  const name = names.get(apiLevel);
  return name === undefined ? `Android API ${apiLevel}` : `Android ${name} (API ${apiLevel})`;
}

/** The API level before which each release's preview, which a manifest may name by its first letter, is not installed. */
const previewLevels: ReadonlyMap<string, number> = new Map([
  ["C", 2],
  ["D", 3],
  ["E", 4],
  ["F", 7],
  ["G", 8],
  ["H", 10],
  ["I", 13],
  ["J", 15],
  ["K", 18],
  ["L", 20],
  ["M", 22],
  ["N", 23],
  ["O", 25],
  ["P", 27],
  ["Q", 28],
  ["R", 29],
  ["S", 30],
  ["T", 32],
  ["U", 33],
  ["V", 34],
]);

/** The API level of a preview by its codename ("O", "UpsideDownCake"); undefined for names that are none. */
export function previewApiLevel(codename: string): number | undefined {
  return previewLevels.get(codename.charAt(0));
}
