import type { ArtifactRecord, ReleaseRecord } from "../../../registry/records/releases.ts";
import { type Fact, factSheet } from "../../../registry/releases/fact-sheet.ts";
import { inspectedOf } from "../../../registry/releases/inspected.ts";
import { decimalSize, formatName, platformNames, shownName } from "../../pages/wording.ts";
import { Digest } from "./copy.tsx";
import { Part } from "./part.tsx";
import { Validation } from "./status.tsx";
import { Cell, NameCell, Row, Table } from "./table.tsx";

/** The files of a release: what each is for, what the checks say, and who signed it. */
export function ReleaseFiles({ release }: { release: ReleaseRecord }) {
  if (release.artifacts.length === 0) return <p class="t2">No file was attached yet.</p>;
  return (
    <Table
      caption="Files of the release"
      columns={[
        { label: "File" },
        { label: "For" },
        { label: "Checks" },
        { label: "Needs" },
        { label: "Signed by" },
        { label: "Size", isNumber: true },
        { label: "SHA-256" },
      ]}
    >
      {release.artifacts.map((artifact) => (
        <Row copy={artifact.sha256}>
          <NameCell>
            <a href={`/download/${artifact.sha256}?artifact=${artifact.id}`}>
              <bdi>{shownName(artifact.filename)}</bdi>
            </a>
            <Findings artifact={artifact} />
          </NameCell>
          <Cell>
            {platformNames[artifact.platform]}
            <span class="sub">
              {artifact.arch}, {formatName(artifact.format)}
            </span>
          </Cell>
          <Cell>
            <Validation artifact={artifact} />
          </Cell>
          <Cell label="needs">{wordOf(inspectedOf(artifact).min_os) ?? "–"}</Cell>
          <Cell label="signed by">{signerWords(artifact)}</Cell>
          <Cell label="size" isNumber>
            {decimalSize(artifact.size_bytes)}
          </Cell>
          <Cell>
            <Digest value={artifact.sha256} />
          </Cell>
        </Row>
      ))}
    </Table>
  );
}

const wordOf = (value: unknown): string | null => (typeof value === "string" ? shownName(value) : null);

function signerWords(artifact: ArtifactRecord): string {
  const signers = inspectedOf(artifact).identity?.signers ?? [];
  if (signers.length === 0) return "nobody";
  return signers
    .map(({ name, verified }) => `${shownName(name ?? "?")}${verified ? "" : ", not verified"}`)
    .join("; ");
}

function Findings({ artifact }: { artifact: ArtifactRecord }) {
  const told = artifact.findings.filter(({ severity }) => severity !== "info");
  if (told.length === 0) return null;
  return (
    <ul>
      {told.map(({ severity, message, code, where }) => (
        <li class={severity === "error" ? "status bad wrap" : "status warn wrap"}>
          <span>
            {shownName(message)} <code>{code}</code>
            {where !== undefined && <span class="t3"> {shownName(where)}</span>}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** What was found inside the files of a release, a sheet each. */
export function ReleaseFacts({ release }: { release: ReleaseRecord }) {
  const sheets = release.artifacts
    .map((artifact) => ({ artifact, facts: factsOf(artifact) }))
    .filter(({ facts }) => facts.length > 0);
  if (sheets.length === 0) return null;
  return (
    <Part title="Inside the files">
      {sheets.map(({ artifact, facts }) => (
        <details open={sheets.length === 1}>
          <summary>
            <bdi>{shownName(artifact.filename)}</bdi>
          </summary>
          <dl class="facts">
            {facts.map(({ name, value }) => (
              <>
                <dt>{name}</dt>
                {typeof value === "string" ? <dd>{value}</dd> : <dd class="lines">{value.join("\n")}</dd>}
              </>
            ))}
          </dl>
        </details>
      ))}
    </Part>
  );
}

function factsOf(artifact: ArtifactRecord): Fact[] {
  const { inspection: _inspection, ...own } = artifact.metadata;
  const { identity = {}, ...facts } = inspectedOf(artifact);
  // What the publisher added is short, and stands before what was found.
  return factSheet({ ...own, ...identity, ...facts }, { show: shownName, maxItems: 100 });
}
