import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { FixtureManifest } from "../../src/inspect/apk/apk-fixtures.ts";
import { inspectArtifact } from "../../src/inspect/inspect-artifact.ts";
import { bufferAccess } from "../../src/inspect/inspect-fixtures.ts";
import {
  type BlockSigner,
  proofOfRotation,
  schemeIds,
  signWithBlock,
  withoutBlock,
} from "../support/apk-block.ts";
import {
  ApkSigning,
  apksignerOpinion,
  type Schemes,
  unsignedApk as unsigned,
} from "../support/apk-signing.ts";
import { needs } from "../support/required-tools.ts";
import type { SigningKey } from "../support/signing-keys.ts";

/** Tomorrow: the keys are made after this. */
const nowMs = Date.now() + 24 * 60 * 60 * 1000;

const inspect = (file: Buffer, verify = true) =>
  inspectArtifact(bufferAccess(file), { platform: "android_apk", filename: "a.apk" }, { nowMs, verify });

interface SignatureFact {
  readonly scheme: string;
  readonly verified: boolean | null;
  readonly signers: readonly string[];
}

const signaturesOf = ({ facts }: Awaited<ReturnType<typeof inspect>>) =>
  facts["signatures"] as SignatureFact[];

const errorsOf = ({ findings }: Awaited<ReturnType<typeof inspect>>) =>
  findings.filter(({ severity }) => severity === "error").map(({ code }) => code);

const ec = (curve: string) => ["-algorithm", "EC", "-pkeyopt", `ec_paramgen_curve:${curve}`];

needs(
  "apksigner",
  "java",
  "javac",
  "openssl",
)("the signatures of an APK", () => {
  let signing: ApkSigning;
  let first: SigningKey;
  let second: SigningKey;
  let third: SigningKey;
  beforeAll(async () => {
    signing = await ApkSigning.create();
    first = await signing.key({ subject: "/C=GB/O=Acme/CN=Acme First" });
    second = await signing.key({ subject: "/CN=Acme Second", algorithm: ec("P-256") });
    third = await signing.key({ subject: "/CN=Acme Third", algorithm: ec("P-384") });
  });
  afterAll(() => signing.remove());

  const agree = async (file: Buffer) => {
    const opinion = apksignerOpinion(await signing.write(file));
    const inspection = await inspect(file);
    const verified = signaturesOf(inspection).filter((one) => one.verified);
    expect({
      schemes: verified.map(({ scheme }) => scheme),
      verifies: errorsOf(inspection).length === 0,
      certificates: inspection.identity.signers.map(({ id }) => id),
    }).toEqual({ ...opinion, schemes: opinion.schemes });
    expect(inspection.identity.signers.every((signer) => signer.verified === opinion.verifies)).toBe(true);
    return { inspection, opinion };
  };

  describe("agree with apksigner", () => {
    it.each<[min: number, Schemes]>([
      [21, ["v1"]],
      [17, ["v1"]],
      [24, ["v1"]],
      [24, ["v2"]],
      [21, ["v1", "v2"]],
      [24, ["v1", "v2"]],
      [24, ["v2", "v3"]],
      [28, ["v2", "v3"]],
      [28, ["v3"]],
      [21, ["v1", "v2", "v3"]],
    ])("for API %i and schemes %j", async (minSdk, schemes) => {
      const file = await signing.sign(unsigned({ minSdk }), [first], schemes);
      const { opinion, inspection } = await agree(file);
      expect(opinion.verifies).toBe(true);
      expect(inspection.identity.signers[0]).toMatchObject({
        kind: "android_certificate",
        name: "Acme First",
        lineage: [],
      });
    });

    it.each<[string, readonly string[]]>([
      ["RSA 4096", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"]],
      ["RSA 3072", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"]],
      ["P-256", ec("P-256")],
      ["P-384", ec("P-384")],
      ["P-521", ec("P-521")],
    ])("for a key of %s", async (_name, algorithm) => {
      const key = await signing.key({ subject: "/CN=Acme", algorithm });
      const { opinion } = await agree(
        await signing.sign(unsigned({ minSdk: 21 }), [key], ["v1", "v2", "v3"]),
      );
      expect(opinion.schemes).toEqual(["v1", "v2", "v3"]);
    });

    it("for a key of DSA", async () => {
      const parameters = signing.keys.path("dsa.pem");
      const of = ["-pkeyopt", "dsa_paramgen_bits:2048", "-pkeyopt", "dsa_paramgen_q_bits:256"];
      await signing.keys.openssl("genpkey", "-genparam", "-algorithm", "DSA", ...of, "-out", parameters);
      const key = await signing.key({ subject: "/CN=Acme", algorithm: ["-paramfile", parameters] });
      const { opinion } = await agree(
        await signing.sign(unsigned({ minSdk: 21 }), [key], ["v1", "v2", "v3"]),
      );
      expect(opinion.schemes).toEqual(["v1", "v2", "v3"]);
    });

    it("for signatures over fs-verity's digest", async () => {
      for (const key of [first, second]) {
        const file = await signing.sign(unsigned({ minSdk: 28 }), [key], ["v2", "v3"], "--verity-enabled");
        const { inspection, opinion } = await agree(file);
        expect(opinion.schemes).toEqual(["v3"]);
        expect(inspection.facts["signatures"]).toMatchObject([
          { digests: { "verity-sha256": expect.anything() } },
        ]);
      }
    });

    it("for several signers", async () => {
      const file = await signing.sign(unsigned({ minSdk: 21 }), [first, second], ["v1", "v2"]);
      const { inspection } = await agree(file);
      expect(inspection.identity.signers.map(({ name }) => name)).toEqual(["Acme First", "Acme Second"]);
    });

    it("for signers that took over, and name those before them", async () => {
      const lineage = await signing.lineage(first, second, third);
      const schemes = ["v1", "v2", "v3"] as const;
      const file = await signing.sign(
        unsigned({ minSdk: 21 }),
        [first, second, third],
        schemes,
        "--lineage",
        lineage,
      );
      const { verifies, schemes: verified } = apksignerOpinion(await signing.write(file));
      expect({ verifies, verified }).toEqual({ verifies: true, verified: ["v1", "v2", "v3"] });
      const inspection = await inspect(file);
      expect(errorsOf(inspection)).toEqual([]);
      const [v1, , v3] = signaturesOf(inspection);
      expect(inspection.identity.signers).toMatchObject([
        { name: "Acme Third", verified: true, id: v3!.signers.at(-1) },
      ]);
      const { lineage: history } = inspection.identity.signers[0]!;
      expect(history).toHaveLength(2);
      expect(history[0]).toBe(v1!.signers[0]);
    });

    it("for signatures of which Android takes the strongest", async () => {
      const algorithms = [0x0103, 0x0104];
      const v2 = signWithBlock(unsigned({ minSdk: 24 }), [[schemeIds.v2, [{ key: first, algorithms }]]]);
      expect((await agree(v2)).inspection.facts["signatures"]).toMatchObject([
        { algorithms: ["RSA with SHA-512"] },
      ]);
    });
  });

  // Debian's Java has no such algorithm by the name that apksigner asks for: Node's own signatures are the other opinion.
  it.each([
    ["RSASSA-PSS with SHA-256", 0x0101],
    ["RSASSA-PSS with SHA-512", 0x0102],
  ])("may be of %s", async (name, algorithm) => {
    const signers = [{ key: first, algorithms: [algorithm], range: [28, MAX] as const }];
    const file = signWithBlock(unsigned({ minSdk: 28 }), [[schemeIds.v3, signers]]);
    const inspection = await inspect(file);
    expect(inspection.facts["signatures"]).toMatchObject([
      { scheme: "v3", verified: true, algorithms: [name] },
    ]);
    file[100_000]! ^= 1;
    expect(errorsOf(await inspect(file))).toContain("validation.apk_signature_invalid");
  });

  it("of scheme v3.1 count from the version on that it names", async () => {
    const file = signWithBlock(unsigned({ minSdk: 28 }), rotatedAt33());
    const inspection = await inspect(file);
    expect(inspection.findings).toEqual([]);
    expect(signaturesOf(inspection).map(({ scheme, verified }) => [scheme, verified])).toEqual([
      ["v3", true],
      ["v3.1", true],
    ]);
    const [v3] = signaturesOf(inspection);
    expect(inspection.identity.signers).toMatchObject([
      { name: "Acme Second", lineage: v3!.signers, verified: true },
    ]);
  });

  /** Signed by the first for API 28 to 32, by the second, which took over, from 33 on. */
  const rotatedAt33 = (
    mend: { rotation?: Buffer; v31?: Partial<BlockSigner>; v3?: Partial<BlockSigner> } = {},
  ): Parameters<typeof signWithBlock>[1] => {
    const minSdk = Buffer.alloc(4);
    minSdk.writeUInt32LE(33);
    const rotation = mend.rotation ?? proofOfRotation([first, second], 0x0103);
    return [
      [
        schemeIds.v31,
        [
          {
            key: second,
            algorithms: [0x0201],
            range: [33, MAX],
            attributes: [[0x3ba06f8c, rotation]],
            ...mend.v31,
          },
        ],
      ],
      [
        schemeIds.v3,
        [
          {
            key: first,
            algorithms: [0x0103],
            range: [28, 32],
            attributes: [[0x559f8b02, minSdk]],
            ...mend.v3,
          },
        ],
      ],
    ];
  };

  describe("are refused", () => {
    const invalid = ["validation.apk_signature_invalid"];
    const stripped = ["validation.apk_signature_stripped"];

    it.each<[Schemes]>([[["v1", "v2"]], [["v1", "v2", "v3"]], [["v1", "v3"]]])(
      "when the block of %j was taken away, as the signature of scheme v1 says",
      async (schemes) => {
        const file = await signing.sign(unsigned({ minSdk: 24 }), [first], schemes);
        const bare = withoutBlock(file);
        expect(apksignerOpinion(await signing.write(bare)).verifies).toBe(false);
        for (const verify of [true, false])
          expect(new Set(errorsOf(await inspect(bare, verify)))).toEqual(new Set(stripped));
      },
    );

    it("when the signature of scheme v3 was taken away, as that of v2 says", async () => {
      const file = await signing.sign(unsigned({ minSdk: 24 }), [first], ["v2", "v3"]);
      const id = file.lastIndexOf(Buffer.from("c06853f0", "hex"));
      file.writeUInt32LE(0x12345678, id);
      expect(apksignerOpinion(await signing.write(file)).verifies).toBe(false);
      expect(errorsOf(await inspect(file))).toEqual(stripped);
    });

    it("when the signature of scheme v3.1 was taken away, as that of v3 says", async () => {
      const file = signWithBlock(unsigned({ minSdk: 28 }), rotatedAt33().slice(1));
      expect(errorsOf(await inspect(file))).toEqual(stripped);
    });

    it("when the proof of rotation does not hold", async () => {
      const broken = proofOfRotation([first, second], 0x0103, (node) => {
        node[node.length - 1]! ^= 1;
        return node;
      });
      const others = {
        "signed by another": proofOfRotation([third, second], 0x0202),
        "for another": proofOfRotation([first, third], 0x0103),
        "with one twice": proofOfRotation([first, first, second], 0x0103),
        "of another version": Buffer.concat([
          Buffer.from([2, 0, 0, 0]),
          proofOfRotation([first, second], 0x0103).subarray(4),
        ]),
        "that is cut off": proofOfRotation([first, second], 0x0103).subarray(0, -3),
        "with a broken signature": broken,
      };
      for (const [name, rotation] of Object.entries(others)) {
        const file = signWithBlock(unsigned({ minSdk: 28 }), rotatedAt33({ rotation }));
        expect(errorsOf(await inspect(file)), name).toEqual(invalid);
      }
    });

    it("when they leave out Android versions or contradict one another", async () => {
      const files = {
        "a gap": rotatedAt33({ v3: { range: [28, 31] } }),
        "no end": rotatedAt33({ v31: { range: [33, 40] } }),
        "a late beginning": rotatedAt33({ v3: { range: [29, 32] } }),
        "another version named": rotatedAt33({ v31: { range: [34, MAX] }, v3: { range: [28, 33] } }),
        "v3 by one who is not in the history": rotatedAt33({ v3: { key: third, algorithms: [0x0202] } }),
        "v3.1 alone": rotatedAt33().slice(0, 1),
        "another content": rotatedAt33({ v31: { digest: ({ length }) => Buffer.alloc(length) } }),
      };
      for (const [name, schemes] of Object.entries(files)) {
        expect(errorsOf(await inspect(signWithBlock(unsigned({ minSdk: 28 }), schemes))), name).toEqual(
          invalid,
        );
      }
    });

    it("when each scheme is signed by another, as apksigner says", async () => {
      const v1 = await signing.sign(unsigned({ minSdk: 21 }), [first], ["v1"]);
      const files = [
        signWithBlock(v1, [[schemeIds.v2, [{ key: second, algorithms: [0x0201] }]]]),
        signWithBlock(v1, [[schemeIds.v3, [{ key: second, algorithms: [0x0201], range: [28, MAX] }]]]),
      ];
      for (const file of files) {
        expect(apksignerOpinion(await signing.write(file)).verifies).toBe(false);
        expect(errorsOf(await inspect(file))).toEqual(invalid);
      }
    });

    it.each<[string, FixtureManifest, Schemes]>([
      ["v1 is missing, for Android 6", { minSdk: 23 }, ["v2"]],
      ["v2 is missing, for an app that targets Android 11", { minSdk: 24, targetSdk: 30 }, ["v1"]],
      [
        "v2 is missing, for sandbox 2",
        { minSdk: 24, attributes: { "android:targetSandboxVersion": 2 } },
        ["v1"],
      ],
    ])("when %s, as apksigner says", async (_name, manifest, schemes) => {
      const file = await signing.sign(unsigned(manifest), [first], schemes, "--min-sdk-version=24");
      expect(apksignerOpinion(await signing.write(file)).verifies).toBe(false);
      expect(errorsOf(await inspect(file))).toEqual(invalid);
    });
  });

  it("are missing: validation.unsigned", async () => {
    const inspection = await inspect(unsigned());
    expect(inspection.findings.map(({ code }) => code)).toEqual(["validation.unsigned"]);
    expect(inspection.identity.signers).toEqual([]);
  });

  it("of scheme v1 alone leave files uncovered: validation.apk_unprotected_entries", async () => {
    const file = await signing.sign(unsigned({ minSdk: 24 }), [first], ["v1"]);
    expect((await inspect(file)).findings).toMatchObject([
      {
        code: "validation.apk_unprotected_entries",
        details: { names: ["META-INF/services/acme"], count: 1 },
      },
    ]);
  });

  it("by a certificate that has ended are told", async () => {
    const old = await signing.key({ subject: "/CN=Old", days: 10 });
    const file = await signing.sign(unsigned(), [old], ["v2"]);
    const { findings } = await inspect(file);
    expect(findings.map(({ code }) => code)).toEqual(["validation.certificate_expiring"]);
  });

  it("name who signed without reading the whole file, and call nothing verified", async () => {
    const file = await signing.sign(unsigned({ minSdk: 21 }), [first], ["v1", "v2", "v3"]);
    const whole = await inspect(file);
    const inspection = await inspect(file, false);
    expect(inspection.identity.signers.map(({ id, verified }) => [id, verified])).toEqual([
      [whole.identity.signers[0]!.id, false],
    ]);
    expect(signaturesOf(inspection).map(({ verified }) => verified)).toEqual([null, null, null]);
    expect(inspection.findings).toEqual([]);
  });
});

const MAX = 0x7fffffff;
