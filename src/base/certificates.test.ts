import { rootCertificates } from "node:tls";

import { describe, expect, it } from "vitest";

import { holdsCertificates } from "./certificates.ts";

const [first = "", second = ""] = rootCertificates;

describe("certificates", () => {
  it.each([
    ["one", first],
    ["two, with words between", `Here is one:\n${first}\nand another:\n${second}\n`],
    ["one with the older label", first.replaceAll("CERTIFICATE", "X509 CERTIFICATE")],
  ])("%s", (_, text) => expect(holdsCertificates(text)).toBe(true));

  it.each([
    ["nothing", ""],
    ["words", "no certificate"],
    ["a certificate that was cut", first.slice(0, -60)],
    ["one that was damaged beside one that is whole", `${first}\n${second.replace(/\nMII/, "\nAAA")}`],
  ])("not %s", (_, text) => expect(holdsCertificates(text)).toBe(false));
});
