import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { environmentVariables } from "../../src/config/environment.ts";
import { secretKeys, settingKeys, variableOf } from "../../src/config/settings.ts";

const directory = join(import.meta.dirname, "../../deploy");
const read = (name: string) => readFileSync(join(directory, name), "utf8");
const known = new Set([
  ...Object.keys(environmentVariables),
  ...settingKeys.map(variableOf),
  ...secretKeys.map((key) => `${variableOf(key)}_FILE`),
]);

describe("the files of deploy/", () => {
  // A start refuses a variable that it does not know.
  it.each(readdirSync(directory))("%s names variables that there are", (name) => {
    const named = read(name).match(/(?<![\w{])DIST_\w+(?=[:=\s])/g) ?? [];
    expect(named.filter((variable) => !known.has(variable))).toEqual([]);
    if (name === "compose.yaml") expect(named.length).toBeGreaterThan(5);
  });

  it("compose.yaml gives the nodes and nginx the addresses that nginx-nodes.conf names", () => {
    const addresses = [...read("compose.yaml").matchAll(/ipv4_address: (\S+)/g)].map(
      ([, address]) => address,
    );
    const upstream = [...read("nginx-nodes.conf").matchAll(/^ +server ([\d.]+):8787/gm)].map(
      ([, one]) => one,
    );
    expect(upstream).toHaveLength(3);
    expect(addresses).toEqual(["10.0.0.10", ...upstream]);
    expect(read("compose.yaml")).toContain("DIST_TRUSTED_PROXIES: 10.0.0.10");
  });

  it("compose.yaml has no password: secrets are files", () => {
    expect(read("compose.yaml")).not.toMatch(/^ +[A-Z_]*(PASSWORD|SECRET_ACCESS_KEY|DATABASE_URL):/m);
  });
});
