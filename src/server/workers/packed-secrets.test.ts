import { expect, it } from "vitest";

import { Secret } from "../../base/secret.ts";
import { packSecrets, unpackSecrets } from "./packed-secrets.ts";

// Catches workers that get a password without its value: they could not open the database.
it("carries secrets at any depth through a structured clone, and everything else as it was", () => {
  const settings = {
    database: { engine: "postgres", password: new Secret("p\u00e4ss"), rootCertificateFile: null },
    list: [1, "two", { secret: new Secret("") }],
    worker: 1,
    never: undefined,
  };
  const arrived = unpackSecrets(structuredClone(packSecrets(settings)));
  expect(arrived).toEqual(settings);
  expect(arrived.database.password.reveal()).toBe("p\u00e4ss");
  expect((arrived.list[2] as { secret: Secret }).secret.reveal()).toBe("");
  expect(JSON.stringify(arrived)).not.toContain("p\u00e4ss");
});
