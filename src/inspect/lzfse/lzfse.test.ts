import { describe, expect, it } from "vitest";

import { unpackLzfse } from "./lzfse.ts";

const lines = Buffer.from(
  Array.from({ length: 400 }, (_, index) => `line ${index % 12} of ${(index * index) % 11}\n`).join(""),
);
const phrase = Buffer.from("one two three, two three one, three one two; one two three, two three one!");

/** What Apple's own packer (`lzfse -encode`, lzfse 1.0) makes of these: the kinds of block are "bvx-", "bvxn", "bvxn" and "bvx2". */
const packed = {
  raw: Buffer.from("6276782d0300000061626362767824", "hex"),
  run: Buffer.from("6276786e4000000010000000680161f025e26161060000000000000062767824", "hex"),
  phrase: Buffer.from(
    "6276786e4a0000002a000000ee6f6e652074776f2074687265652c380bc80f206f6e280b0819982d3b20f006e121060000000000000062767824",
    "hex",
  ),
  lines: Buffer.from(
    "YnZ4MgITAAAkACABAF8CQJf/HXvIBwNQpAAAAD80YABPQgAQQABAwGsfgAEmsIElAAiHXB1xfnTzA/wTwiMAAAAAAAAAAAAAAADAhwAAAAAAwOsBAAAAfA+vxRPwPXwIH8IT8AQ8Ad8DAAAAAAAAAAAAAPAEfAjwBMATwBPwIQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA4PjwtlJe0MWcJQ6HUuBQCBEAAAAAAAAAAAAA0AJFoDIdOnlSE2iN3Aq92tti29s2V7SRQnS5RqjlSU2glfHMtgBb3m25oo0UWovhVZ4KrTwpi6aRJS1sedtyRRsptBZjqyCobKu0JUm6NbU2vOy5oo0UWouxVdBSqqAiO9PPKdrnaUEFbabQWoytgpak2ma1I6d/apNozRt1qNBajK2CLKPaYrUjp9WQyZOaQBQZZbZybCVoCdUWqx05pTbXCbE8KZQadZYi2SJoCdUWqx05tbeF0rnVGgop5dZgbRCwhmqL1Y6c2ttiy7fgNYQ+8yzDoz2GFlDssdqRU3tb2Pq29Yo2gugf2jRaQ7YBY2dO7dli69u2K9pIYTp08qQm0Bq5FXplb4ttb1uuaCOF6HKNUMuTmkArwzPbAmx523JFGym0FsOrPBVa8aQsmkaWtNjytuWKNlJoLcZWQaCyrdKWlHRram142XNFGym0JsZWQUupQkV2pp9TtM/TggraTCFrMbYKWkq1zWpHTv/UJtGaN+qQQmsxtgpaRrXFakdOqyGTJzWBUGSU2cqxTdASqi1WO3JKba4TxPKkUGrUWUayRdASqi1WO3JqzxZK51ZrFFLKrcHaIGAN1RYrO3Jqb4utb8FrCH3mWYZHewwtoNjDakdO7W2x9W3rFW0E0T+0abSGzAaMnTm1t8XWt21XtJHCdOjkSZVAa+RW6NXeFtvetlzRRgrR5TRCLU9qAq2MZ7YF2PK25Yo2UmhNDK/yVGjlSVk0jSxpseVtyxVtRKG1GFsFQWVbpS0p6dbU2vBizxVtpNBajK2CllKFiuxMP6doH08LKmgzhdZibBW0lGqb1Y6c3lObRGveqEOF1mJsFbSMaovVjjithkye1ASiyCizlWOboCVUW6zsyCm1uU6I5Umh1KizjGSLoCVUtljtyKm9LZTOrdYopJRbg7WBgDVUW6x25NTeFlvflNYCQqCfWmC0x9ACij1WO3Jqb4utb1teRUVVvLYgDQVCwSF0B9Hd033QfVx9BH1cfQR9XH0EfVx9BH1cnYE9YnZ4JA==",
    "base64",
  ),
} as const;

describe("LZFSE", () => {
  it.each([
    ["as it is", packed.raw, Buffer.from("abc")],
    ["of one letter", packed.run, Buffer.alloc(64, "a")],
    ["packed quickly", packed.phrase, phrase],
    ["packed well", packed.lines, lines],
  ])("%s unpacks to what Apple's packer was given", (_, bytes, content) => {
    expect(unpackLzfse(bytes, content.length)).toEqual(content);
  });

  it("of several blocks unpacks to all of them, matches reaching back into those before", () => {
    const blocks = [packed.raw, packed.run, packed.lines].map((bytes) => bytes.subarray(0, -4));
    const content = Buffer.concat([Buffer.from("abc"), Buffer.alloc(64, "a"), lines]);
    expect(unpackLzfse(Buffer.concat([...blocks, Buffer.from("bvx$")]), content.length)).toEqual(content);
  });

  it.each([
    ["another size", packed.lines, lines.length - 1],
    ["another size", packed.lines, lines.length + 1],
    ["tables as they are", Buffer.from("6276783104000000", "hex"), 4],
    ["no end", packed.phrase.subarray(0, -4), phrase.length],
    ["nothing in it", Buffer.alloc(0), 4],
    ["a block of nothing", Buffer.from("6276782d0000000062767824", "hex"), 0],
  ])("of %s is refused", (_, bytes, sizeBytes) => {
    expect(unpackLzfse(bytes, sizeBytes)).toBeNull();
  });

  it("cut off anywhere is refused", () => {
    for (const [bytes, sizeBytes] of [
      [packed.phrase, phrase.length],
      [packed.lines, lines.length],
    ] as const) {
      for (let length = 0; length < bytes.length; length += 1) {
        expect(unpackLzfse(bytes.subarray(0, length), sizeBytes)).toBeNull();
      }
    }
  });
});
