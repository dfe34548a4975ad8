import type { Child } from "hono/jsx";

import type { ArtifactRecord, ReleaseRecord } from "../../../registry/records/releases.ts";
import type { TokenRecord } from "../../../registry/records/tokens.ts";
import { Icon, type IconName } from "./icon.tsx";

interface StatusProps {
  icon: IconName;
  tone?: "ok" | "warn" | "bad" | "info";
  /** On a ground of its colour, where somebody has to act. */
  tint?: boolean;
  children?: Child;
}

/** A state: a shape, a word and a colour, never the colour alone. */
export function Status({ icon, tone, tint = false, children }: StatusProps) {
  return (
    <span class={["status", tone, tint && "tint"].filter(Boolean).join(" ")}>
      <Icon name={icon} />
      <span>{children}</span>
    </span>
  );
}

/** How a release stands. Published, the usual state, is a word only. */
export function ReleaseStatus({ status }: Pick<ReleaseRecord, "status">) {
  if (status === "published") return <span class="t2">Published</span>;
  if (status === "revoked") return <Status icon="revoked">Revoked</Status>;
  if (status === "deleted") return <Status icon="gone">Deleted</Status>;
  return <Status icon="pending">Draft</Status>;
}

/** What inspection says of a file. `isShort` leaves the word to readers of the screen. */
export function Validation({ artifact, isShort = false }: { artifact: ArtifactRecord; isShort?: boolean }) {
  const warnings = artifact.findings.filter(({ severity }) => severity === "warning").length;
  const { icon, tone, words } = validationWords(artifact.validation_status, warnings);
  return (
    <span class={`status ${tone}`} title={words}>
      <Icon name={icon} />
      <span class={isShort ? "vh" : ""}>{words}</span>
    </span>
  );
}

function validationWords(
  status: ArtifactRecord["validation_status"],
  warnings: number,
): { icon: IconName; tone: string; words: string } {
  if (status === "failed") return { icon: "failed", tone: "bad", words: "Refused" };
  if (status === "pending") return { icon: "pending", tone: "", words: "Not checked yet" };
  if (warnings === 0) return { icon: "passed", tone: "ok", words: "Passed" };
  return { icon: "findings", tone: "warn", words: warnings === 1 ? "1 warning" : `${warnings} warnings` };
}

/** How much of a channel's requests get what it points at. */
export function Rollout({ percent }: { percent: number }) {
  if (percent === 100) return <span class="t2">100 %</span>;
  if (percent === 0)
    return (
      <Status icon="halted" tone="warn">
        halted
      </Status>
    );
  return (
    <Status icon="rolling" tone="info">
      {percent} %
    </Status>
  );
}

export function TokenStatus({ status }: Pick<TokenRecord, "status">) {
  if (status === "active") return <Status icon="live">active</Status>;
  return <Status icon={status === "revoked" ? "revoked" : "empty"}>{status}</Status>;
}
