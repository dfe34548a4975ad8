import { commandGroups, evidenceGroup } from "./catalog.ts";
import type { Program } from "./help.ts";

/** The whole program, by its own name. */
export const dist: Program = {
  name: "dist",
  about:
    "keeps what builds produced and hands it out: releases, channels, downloads, and the record of it all.",
  groups: commandGroups,
  firstSteps: ["init", "ci publish --local-store ./store --json"],
};

/** The same program for those who produce evidence: what they use stands first. */
export const artifactstore: Program = {
  name: "artifactstore",
  about: "keeps the evidence of assessment runs: packages, their manifests, and how long each must stay.",
  groups: [evidenceGroup, ...commandGroups.filter((group) => group !== evidenceGroup)],
  firstSteps: [
    "package create --kind assessment-run --local-store ./store --json",
    "package add pkg_01h… report.json --local-store ./store",
    "package finalize pkg_01h… --local-store ./store --json",
  ],
};
