import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";

import { certificateFacts } from "../../src/inspect/cms/certificate-facts.ts";
import { expiryFindings } from "../../src/inspect/cms/expiry.ts";
import { readSignedData, type SignedContent } from "../../src/inspect/cms/signed-data.ts";
import { subjectName } from "../../src/inspect/cms/subject.ts";
import { readTimestamps } from "../../src/inspect/cms/timestamp.ts";
import { needs } from "../support/required-tools.ts";
import { type SigningKey, SigningKeys } from "../support/signing-keys.ts";

const content = Buffer.from("What is signed. ".repeat(500));

needs("openssl")("a message that openssl signs", () => {
  let keys: SigningKeys;
  let root: SigningKey;
  let middle: SigningKey;
  beforeAll(async () => {
    keys = await SigningKeys.create();
    await writeFile(keys.path("content"), content);
    root = await keys.make({ subject: "/C=GB/O=Acme Ltd/CN=Acme Root", isAuthority: true });
    middle = await keys.make({ subject: "/O=Acme Ltd/CN=Acme Middle", issuer: root, isAuthority: true });
  });
  afterAll(() => keys.remove());

  const signer = (algorithm?: readonly string[]) =>
    keys.make({
      subject: "/C=GB/O=Acme, Ltd/CN=Åcme | Signer",
      issuer: middle,
      ...(algorithm && { algorithm }),
    });

  const sign = async (by: SigningKey, ...options: readonly string[]) => {
    const chain = keys.path("chain.pem");
    const authorities = [middle, root].map(({ certificate }) => readFile(certificate));
    await writeFile(chain, Buffer.concat(await Promise.all(authorities)));
    const args = ["-signer", by.certificate, "-inkey", by.key, "-certfile", chain, "-binary"];
    await keys.openssl(
      "cms",
      "-sign",
      "-in",
      "content",
      "-outform",
      "DER",
      "-out",
      "out",
      ...args,
      ...options,
    );
    return readFile(keys.path("out"));
  };

  const verified = async (message: Uint8Array, detached?: SignedContent) => {
    const { signers } = await readSignedData(message, detached);
    return signers.map(({ problem }) => problem);
  };

  const rsa = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
  const curve = (name: string) => ["-algorithm", "EC", "-pkeyopt", `ec_paramgen_curve:${name}`];

  it.each([
    ["RSA", rsa, ["-nodetach"]],
    ["RSA with SHA-1", rsa, ["-nodetach", "-md", "sha1"]],
    ["RSA with SHA-384", rsa, ["-nodetach", "-md", "sha384"]],
    ["RSA by key identifier", rsa, ["-nodetach", "-keyid"]],
    ["RSA without attributes", rsa, ["-nodetach", "-noattr"]],
    ["RSA in the indefinite form", rsa, ["-nodetach", "-stream"]],
    ["RSASSA-PSS", rsa, ["-nodetach", "-keyopt", "rsa_padding_mode:pss"]],
    [
      "RSASSA-PSS of its own salt",
      rsa,
      ["-nodetach", "-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:7", "-md", "sha512"],
    ],
    ["P-256", curve("P-256"), ["-nodetach"]],
    ["P-384", curve("P-384"), ["-nodetach", "-md", "sha384"]],
    ["P-521 without attributes", curve("P-521"), ["-nodetach", "-noattr", "-md", "sha512"]],
    ["RSA, its content not in it", rsa, []],
    ["P-256, its content not in it", curve("P-256"), []],
  ])("%s verifies, and not once its content or signature is changed", async (_name, algorithm, options) => {
    const message = await sign(await signer(algorithm), ...options);
    const detached = options.includes("-nodetach") ? undefined : content;
    expect(await verified(message, detached)).toEqual([null]);
    const { certificates, signers, content: carried } = await readSignedData(message, detached);
    expect(certificates).toHaveLength(3);
    expect(signers[0]!.chain.map(subjectName)).toEqual(["Åcme | Signer", "Acme Middle", "Acme Root"]);
    expect(carried).toEqual(detached ? null : content);
    const last = Buffer.from(message);
    const { signature } = signers[0]!;
    last[message.lastIndexOf(signature) + signature.length - 1]! ^= 1;
    expect(await verified(last, detached)).toEqual([expect.stringContaining("was not made with the key")]);
    const other = Buffer.from(detached ?? message);
    other[other.indexOf("What") + 5]! ^= 1;
    expect(await verified(detached ? message : other, detached && other)).toEqual([expect.any(String)]);
  });

  it("with DSA verifies", async () => {
    await keys.openssl(
      "genpkey",
      "-genparam",
      "-algorithm",
      "DSA",
      "-pkeyopt",
      "dsa_paramgen_bits:2048",
      "-out",
      "dsa",
    );
    const message = await sign(await signer(["-paramfile", "dsa"]), "-nodetach");
    expect(await verified(message)).toEqual([null]);
  });

  it("is verified by the digest of its content alone", async () => {
    const message = await sign(await signer());
    const digest = async (name: string) => createHash(name).update(content).digest();
    expect(await verified(message, digest)).toEqual([null]);
    const nothing = ["The signature is over a content that is not at hand."];
    expect(await verified(message)).toEqual(nothing);
    expect(await verified(message, async () => null)).toEqual(nothing);
    expect(await verified(await sign(await signer(), "-noattr"), digest)).toEqual(nothing);
  });

  it("by two is verified for both", async () => {
    const [one, two] = [await signer(), await signer(curve("P-256"))];
    const message = await sign(one, "-nodetach", "-signer", two.certificate, "-inkey", two.key);
    expect(await verified(message)).toEqual([null, null]);
  });

  it("without its certificate names nobody", async () => {
    const message = await sign(await signer(), "-nodetach", "-nocerts");
    const { signers } = await readSignedData(message);
    expect(signers).toMatchObject([{ certificate: null, chain: [], verified: false }]);
  });

  it("tells facts of its certificate that openssl confirms", async () => {
    const by = await signer(curve("P-256"));
    const [{ certificate } = { certificate: null }] = (await readSignedData(await sign(by, "-nodetach")))
      .signers;
    await keys.openssl("x509", "-in", by.certificate, "-outform", "DER", "-out", "der");
    const der = await readFile(keys.path("der"));
    expect(certificateFacts(certificate!)).toMatchObject({
      subject: "CN=Åcme | Signer, O=Acme\\, Ltd, C=GB",
      issuer: "CN=Acme Middle, O=Acme Ltd",
      sha256: createHash("sha256").update(der).digest("hex"),
      key: "EC prime256v1",
    });
  });

  it.each([
    [-2, "validation.certificate_not_yet_valid"],
    [11, "validation.certificate_expiring"],
    [41, "validation.certificate_expired"],
    [5, undefined],
  ])("of which the certificate is for 40 days is after %i days told: %s", async (days, code) => {
    const by = await keys.make({ subject: "/CN=Brief", days: 40 });
    const { certificates } = await readSignedData(await sign(by, "-nodetach"));
    const brief = certificates.find((certificate) => subjectName(certificate) === "Brief")!;
    const told = expiryFindings(brief, Date.now() + days * 24 * 60 * 60 * 1000, "signature");
    expect(told.map((one) => one.code)).toEqual(code === undefined ? [] : [code]);
  });

  it("of which a certificate is damaged says so", async () => {
    const message = await sign(await signer(), "-nodetach");
    const { signers } = await readSignedData(message);
    const broken = Buffer.from(message);
    const { raw } = signers[0]!.certificate!;
    // The first UTCTime of 13 characters, the beginning of its validity, becomes an IA5String.
    broken[broken.indexOf(raw) + raw.indexOf(Buffer.from([0x17, 13]))] = 0x16;
    expect(await readSignedData(broken)).toMatchObject({
      unreadableCertificates: 1,
      signers: [
        { certificate: null, problem: "The certificate that the signature was made with is damaged." },
      ],
    });
  });

  it("carries an RFC 3161 timestamp that is over its signature", async () => {
    const authority = await keys.make({ subject: "/CN=Acme Time", issuer: root, purpose: "timeStamping" });
    const [signed] = (await readSignedData(await sign(await signer(), "-nodetach"))).signers;
    await writeFile(keys.path("signature"), signed!.signature);
    await writeFile(keys.path("serial"), "01");
    await writeFile(
      keys.path("tsa.cnf"),
      ["[tsa]", "serial=serial", "default_policy=1.2.3", "digests=sha256", "signer_digest=sha256"].join("\n"),
    );
    await keys.openssl("ts", "-query", "-data", "signature", "-sha256", "-cert", "-out", "query");
    const by = ["-signer", authority.certificate, "-inkey", authority.key];
    const reply = [
      "-config",
      "tsa.cnf",
      "-section",
      "tsa",
      "-queryfile",
      "query",
      "-token_out",
      "-out",
      "token",
    ];
    await keys.openssl("ts", "-reply", ...reply, ...by);
    const token = await readFile(keys.path("token"));
    const stamped = (signature: Buffer) =>
      readTimestamps(
        { ...signed!, signature, unsignedAttributes: new Map([["1.3.6.1.4.1.311.3.3.1", [token]]]) },
        [],
      );
    const [timestamp] = await stamped(signed!.signature);
    expect(timestamp).toMatchObject({ kind: "rfc3161", verified: true, problem: null });
    expect(Math.abs(timestamp!.time!.getTime() - Date.now())).toBeLessThan(600_000);
    expect(await stamped(Buffer.from("another"))).toMatchObject([
      { verified: false, problem: "The timestamp was made for another signature." },
    ]);
  });
});
