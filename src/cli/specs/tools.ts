import { defineCommand } from "../command.ts";
import { archOption, fileOptions, platformOption } from "./shared.ts";

export const inspect = defineCommand({
  name: "inspect",
  summary: "Look into a file as publishing would",
  description: "Shows digests, what is inside a file, and what the checks say about it. Needs no store.",
  args: { file: { about: "The file" } },
  options: {
    platform: {
      ...platformOption.platform,
      about: "What the file is for; guessed from its name when absent",
    },
    ...archOption,
    ...fileOptions,
    factsOnly: { about: "Only what is quickly read: no digests, and signatures are not verified" },
  },
  examples: ["dist inspect out/acme.apk", "dist inspect out/acme.zip --platform windows --json"],
  exits: { 1: "the file fails a check, or cannot be read" },
  needs: "none",
});

export const completion = defineCommand({
  name: "completion",
  summary: "Print a completion script for a shell",
  description: "Prints a script that completes commands, options and choices.",
  args: { shell: { about: "The shell", choices: ["bash", "zsh", "fish"] } },
  examples: [
    "dist completion bash > ~/.local/share/bash-completion/completions/dist",
    "dist completion zsh > ~/.zfunc/_dist",
    "dist completion fish > ~/.config/fish/completions/dist.fish",
  ],
  needs: "none",
});
