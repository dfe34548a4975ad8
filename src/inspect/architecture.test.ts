import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { RandomAccess } from "../base/random-access.ts";
import { parseArch, settleArch } from "./architecture.ts";
import {
  appImageFile,
  arFile,
  arMember,
  bufferAccess,
  debFile,
  debianBinary,
  fileAccess,
  peFile,
  rpmFile,
  rpmHeader,
  rpmOf,
  tarEntry,
  tarFile,
  zipFile,
} from "./inspect-fixtures.ts";
import type { Arch, Format } from "./inspection.ts";
import { readers } from "./readers.ts";

const settledOf = async (bytes: RandomAccess, format: Format, declared?: Arch) => {
  const read = await readers[format]();
  const declaration = { platform: "linux", filename: "a" } as const;
  return settleArch(format, declared, await read({ bytes, declared: declaration, nowMs: 0, verify: true }));
};

const settle = async (format: Format, file: Uint8Array, declared?: Arch) => {
  const { arch, findings } = await settledOf(bufferAccess(file), format, declared);
  return [arch, ...findings.map(({ code }) => code)];
};

/** `tar -c ./control | xz -9` of a control file that says `Architecture: arm64`. */
const xzControl = Buffer.from(
  "/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4Cf/AItdABcLyOfZ5dHD1ZV9QtvcDlxs1FkS8hWWubA8MRP7KEETAG77zMS3TPahL10e3M6I4AoQEfGT" +
    "VtK2lxxiRLvJaavvQ1aTwF2/V5tDsrHbBjFiAFoyVeASqs5NTrhRMdX3zKHEL4SEQYv0CUh7PdgJGFZIxIKXWaBvxkDdNT4iEIJFg9ar0615sCin" +
    "HwAAAC9wEd5SmEPOAAGnAYBQAACwRMl7scRn+wIAAAAABFla",
  "base64",
);

describe("parseArch", () => {
  it("takes the six names and two aliases only", () => {
    expect(parseArch("riscv64")).toBe("riscv64");
    expect(parseArch("amd64")).toBe("x86_64");
    expect(parseArch("aarch64")).toBe("arm64");
    for (const text of ["i386", "x64", "AMD64", "", "constructor"]) expect(parseArch(text)).toBeUndefined();
  });
});

describe("settleArch reads the file's own architecture", () => {
  it.each([
    [3, 32, "x86"],
    [40, 32, "armv7"],
    [62, 64, "x86_64"],
    [183, 64, "arm64"],
    [243, 64, "riscv64"],
  ] as const)("AppImage, machine %i in %i bits: %s", async (machine, bits, arch) => {
    expect(await settle("appimage", appImageFile({ machine, bits }))).toEqual([arch]);
  });

  it.each([
    [0x14c, "x86"],
    [0x1c4, "armv7"],
    [0x8664, "x86_64"],
    [0xaa64, "arm64"],
  ] as const)("exe, machine 0x%s: %s", async (machine, arch) => {
    expect(await settle("exe", peFile(machine))).toEqual([arch]);
  });

  it.each([
    ["all", "universal"],
    ["i386", "x86"],
    ["amd64", "x86_64"],
    ["arm64", "arm64"],
    ["armhf", "armv7"],
    ["riscv64", "riscv64"],
  ] as const)("deb, %s: %s, however the control archive is packed", async (name, arch) => {
    expect(await settle("deb", debFile(name))).toEqual([arch]);
    expect(await settle("deb", debFile(name, ".zst"))).toEqual([arch]);
    expect(await settle("deb", debFile(name, ""))).toEqual([arch]);
  });

  it.each([
    ["noarch", "universal"],
    ["i686", "x86"],
    ["x86_64", "x86_64"],
    ["aarch64", "arm64"],
    ["armv7hl", "armv7"],
    ["riscv64", "riscv64"],
  ] as const)("rpm, %s: %s", async (name, arch) => {
    expect(await settle("rpm", rpmOf(name))).toEqual([arch]);
  });

  it.runIf(process.platform === "linux")("reads a real ELF program: the one that runs this", async () => {
    const { arch } = await settledOf(await fileAccess(process.execPath), "appimage");
    expect(arch).toBe({ x64: "x86_64", arm64: "arm64" }[process.arch as string]);
  });

  it("counts a format that names no processor as universal, or as declared", async () => {
    expect(await settle("zip", zipFile())).toEqual(["universal"]);
    expect(await settle("msi", Buffer.from(""), "arm64")).toEqual(["arm64"]);
  });

  it("keeps the file's own word in the facts", async () => {
    const { facts } = await settledOf(bufferAccess(debFile("armhf")), "deb");
    expect(facts).toEqual({ detected_arch: "armv7", native_arch: "armhf" });
  });
});

describe("settleArch compares with what was declared", () => {
  it("accepts the same, and one architecture for what runs on all", async () => {
    expect(await settle("deb", debFile("arm64"), "arm64")).toEqual(["arm64"]);
    expect(await settle("deb", debFile("all"), "arm64")).toEqual(["arm64"]);
    expect(await settle("rpm", rpmOf("noarch"), "universal")).toEqual(["universal"]);
  });

  it("refuses another: validation.arch_mismatch", async () => {
    expect(await settle("deb", debFile("amd64"), "arm64")).toEqual(["arm64", "validation.arch_mismatch"]);
    expect(await settle("rpm", rpmOf("i686"), "x86_64")).toEqual(["x86_64", "validation.arch_mismatch"]);
    expect(await settle("exe", peFile(0xaa64), "x86_64")).toEqual(["x86_64", "validation.arch_mismatch"]);
    expect(await settle("deb", debFile("ppc64el"), "arm64")).toEqual(["arm64", "validation.arch_mismatch"]);
  });

  // "Universal" would hand the file to every device, so it is a claim like any other.
  it("refuses universal for a file of one architecture", async () => {
    const file = appImageFile({ machine: 62 });
    expect(await settle("appimage", file, "universal")).toEqual(["universal", "validation.arch_mismatch"]);
  });

  // NSIS and Inno Setup begin with a 32-bit x86 program whatever they install.
  it("lets an x86 Windows program be declared for others: validation.arch_stub", async () => {
    expect(await settle("exe", peFile(0x14c), "x86_64")).toEqual(["x86_64", "validation.arch_stub"]);
    const { findings } = await settledOf(bufferAccess(peFile(0x14c)), "exe", "arm64");
    expect(findings[0]?.severity).toBe("info");
  });

  it("refuses a processor without a name here: validation.arch_unsupported", async () => {
    const unsupported = ["universal", "validation.arch_unsupported"];
    expect(await settle("deb", debFile("armel"))).toEqual(unsupported);
    expect(await settle("rpm", rpmOf("s390x"))).toEqual(unsupported);
    expect(await settle("exe", peFile(0x200))).toEqual(unsupported);
    // x32, and a big-endian ARM: the machine number alone would make them x86_64 and arm64.
    expect(await settle("appimage", appImageFile({ machine: 62, bits: 32 }))).toEqual(unsupported);
    expect(await settle("appimage", appImageFile({ machine: 183, bigEndian: true }))).toEqual(unsupported);
  });

  it("reads a big-endian machine number in its own order", async () => {
    const file = appImageFile({ machine: 21, bigEndian: true });
    const { facts } = await settledOf(bufferAccess(file), "appimage");
    expect(facts).toEqual({ detected_arch: null, native_arch: "big-endian 64-bit 21" });
  });
});

describe("settleArch on damaged and hostile files", () => {
  const unreadable = ["universal", "validation.arch_unreadable"];
  const unknown = ["universal", "validation.arch_unknown"];
  const debOf = (name: string, content: Uint8Array, claimedBytes?: number) =>
    arFile(debianBinary(), arMember(name, content, claimedBytes));

  it("reads a control archive in xz, as dpkg-deb packs it by default", async () => {
    expect(await settle("deb", debOf("control.tar.xz", xzControl))).toEqual(["arm64"]);
    expect(await settle("deb", debOf("control.tar.xz", xzControl.subarray(0, 90)))).toEqual(unreadable);
  });

  it("does not unpack a bomb", async () => {
    const bomb = gzipSync(Buffer.alloc(8 * 1024 * 1024));
    expect(await settle("deb", debOf("control.tar.gz", bomb))).toEqual(unknown);
  });

  // A zstd frame of 14 bytes that asks for a window of 32 MiB and holds "hello".
  it("does not give a zstd frame the memory it asks for", async () => {
    const frame = Buffer.from("28b52ffd0078290000", "hex");
    const file = debOf("control.tar.zst", Buffer.concat([frame, Buffer.from("hello")]));
    expect(await settle("deb", file)).toEqual(unknown);
  });

  it("does not read a control archive that claims gigabytes", async () => {
    expect(await settle("deb", debOf("control.tar.gz", Buffer.from("x"), 4e9))).toEqual(unknown);
  });

  it("does not read an rpm index that claims millions of tags", async () => {
    const main = rpmHeader([], "");
    main.writeUInt32BE(0x1000_0000, 8);
    expect(await settle("rpm", rpmFile(main))).toEqual(unknown);
  });

  it("does not take an rpm header of gigabytes for one", async () => {
    const main = rpmHeader([[1022, 6, 0, 1]], "x86_64\0");
    main.writeUInt32BE(0x8000_0000, 12);
    expect(await settle("rpm", rpmFile(main))).toEqual(unknown);
  });

  it("does not follow members without end", async () => {
    const control = arMember("control.tar", tarFile(tarEntry("control", "Architecture: arm64\n")));
    const many = Array.from({ length: 20 }, () => arMember("_", Buffer.from("")));
    expect(await settle("deb", arFile(debianBinary(), ...many, control))).toEqual(unreadable);
  });

  it("reports a broken place: validation.arch_unreadable", async () => {
    expect(await settle("appimage", appImageFile({ machine: 62 }).subarray(0, 19))).toEqual(unreadable);
    expect(await settle("deb", arFile(debianBinary()))).toEqual(unreadable);
    expect(await settle("deb", debOf("control.tar.gz", Buffer.from("no gzip")))).toEqual(unreadable);
    expect(await settle("deb", debOf("control.tar", tarFile(tarEntry("control", "Package: a\n"))))).toEqual(
      unreadable,
    );
    expect(await settle("deb", debOf("control.tar", Buffer.alloc(10), 2000))).toEqual(unreadable);
    expect(await settle("rpm", rpmFile(Buffer.alloc(0)))).toEqual(unreadable);
    expect(await settle("rpm", rpmFile(rpmHeader([[1000, 6, 0, 1]], "acme\0")))).toEqual(unreadable);
    // The string's offset lies behind the header.
    expect(await settle("rpm", rpmFile(rpmHeader([[1022, 6, 500, 1]], "x86_64\0")))).toEqual(unreadable);
  });

  it("keeps the declared architecture when the file's cannot be read", async () => {
    expect(await settle("deb", arFile(debianBinary()), "arm64")).toEqual([
      "arm64",
      "validation.arch_unreadable",
    ]);
  });
});

describe("a Debian package's control archive", () => {
  const settleControl = (...entries: readonly Buffer[]) =>
    settle("deb", arFile(debianBinary(), arMember("control.tar/", tarFile(...entries))));

  it("may stand behind members that start with an underscore, and behind no others", async () => {
    const control = arMember("control.tar", tarFile(tarEntry("control", "Architecture: arm64\n")));
    const extra = (name: string) => arMember(name, Buffer.from("odd"));
    expect(await settle("deb", arFile(debianBinary(), extra("_gpgorigin"), control))).toEqual(["arm64"]);
    expect(await settle("deb", arFile(debianBinary(), extra("data.tar"), control))).toEqual([
      "universal",
      "validation.arch_unreadable",
    ]);
  });

  it("is read as dpkg does: last control file, first paragraph, any case", async () => {
    const first = tarEntry("./control", "Architecture: amd64\n");
    expect(await settleControl(first, tarEntry("./control", "ARCHITECTURE:\tarm64 \n"))).toEqual(["arm64"]);
    expect(await settleControl(tarEntry("./control", "Package: a\n\nArchitecture: arm64\n"))).toEqual([
      "universal",
      "validation.arch_unreadable",
    ]);
    // A link or folder of that name is not the file.
    expect(await settleControl(first, tarEntry("./control", "Architecture: arm64\n", "2"))).toEqual([
      "x86_64",
    ]);
  });
});
