/** The first Windows that has this version of the subsystem. */
const names: ReadonlyMap<string, string> = new Map([
  ["5.0", "Windows 2000"],
  ["5.1", "Windows XP"],
  ["5.2", "Windows XP x64"],
  ["6.0", "Windows Vista"],
  ["6.1", "Windows 7"],
  ["6.2", "Windows 8"],
  ["6.3", "Windows 8.1"],
  ["10.0", "Windows 10"],
]);

/** A version of Windows for people: "Windows Vista (6.0)". */
export function windowsVersion([major, minor]: readonly [number, number]): string {
  const number = `${major}.${minor}`;
  const name = names.get(number);
  return name === undefined ? `Windows NT ${number}` : `${name} (${number})`;
}
