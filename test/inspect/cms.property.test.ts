import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";

import { readSignedData } from "../../src/inspect/cms/signed-data.ts";
import { UnreadableError } from "../../src/inspect/unreadable.ts";
import { MUTATIONS, mutate } from "../support/mutations.ts";
import { needs } from "../support/required-tools.ts";
import { SigningKeys } from "../support/signing-keys.ts";

const content = Buffer.from("What is signed.");

/** What there is to say of a message, or undefined when it is refused; anything else that is thrown fails the test. */
const read = async (message: Uint8Array) => {
  try {
    return await readSignedData(message);
  } catch (error) {
    if (error instanceof UnreadableError) return undefined;
    throw error;
  }
};

needs("openssl")("a signed message that was tampered with", () => {
  let keys: SigningKeys;
  let messages: Buffer[];
  beforeAll(async () => {
    keys = await SigningKeys.create();
    const signer = await keys.make({
      subject: "/CN=Acme",
      algorithm: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    });
    await writeFile(keys.path("content"), content);
    const sign = async (...options: readonly string[]) => {
      const by = ["-signer", signer.certificate, "-inkey", signer.key, "-nodetach", "-binary"];
      await keys.openssl(
        "cms",
        "-sign",
        "-in",
        "content",
        "-outform",
        "DER",
        "-out",
        "out",
        ...by,
        ...options,
      );
      return readFile(keys.path("out"));
    };
    messages = [await sign(), await sign("-stream"), await sign("-noattr", "-keyid")];
  });
  afterAll(() => keys.remove());

  it("is refused, or not verified, or says what the signer signed", async () => {
    let verified = 0;
    for (let seed = 1; seed <= MUTATIONS; seed += 1) {
      const message = await read(mutate(messages[seed % messages.length]!, seed));
      if (!message?.signers.some((signer) => signer.verified)) continue;
      verified += 1;
      expect(message.content, `seed ${seed}`).toEqual(content);
    }
    expect(verified).toBeLessThan(MUTATIONS / 2);
  });

  it("is refused wherever it was cut off", async () => {
    for (const message of messages) {
      for (let length = 0; length < message.length; length += 1) {
        expect(await read(message.subarray(0, length)), `at ${length}`).toBeUndefined();
      }
    }
  });

  it.each([
    ["values in values without end, of no length", Buffer.from("3080".repeat(100_000), "hex")],
    ["a length of 2^32 - 1", Buffer.from("3084ffffffff", "hex")],
    ["a length of 2^64 - 1", Buffer.from("3088ffffffffffffffff", "hex")],
    ["a length of 127 bytes", Buffer.concat([Buffer.from("30ff", "hex"), Buffer.alloc(127, 0xff)])],
    [
      "a million values in a list",
      Buffer.concat([Buffer.from("30831e8480", "hex"), Buffer.from("0500".repeat(1_000_000), "hex")]),
    ],
    ["nothing", Buffer.alloc(0)],
  ])("with %s is refused", async (_name, message) => {
    expect(await read(message)).toBeUndefined();
  });
});
