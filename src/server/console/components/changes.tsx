import type {
  ArtifactChange,
  ArtifactComparison,
  ReleaseComparison,
} from "../../../registry/records/releases.ts";
import { decimalSize, formatName, platformNames, shownName } from "../../pages/wording.ts";
import { Cell, NameCell, Row, Table } from "./table.tsx";

const factNames: Readonly<Record<ArtifactChange["fact"], string>> = {
  size_bytes: "Size",
  id: "Identifier",
  label: "Name on the device",
  version: "Version inside",
  build: "Build inside",
  min_os: "Needs",
  permissions: "Permissions",
  signers: "Signed by",
  findings: "Findings",
};

/** What differs between two releases, file by file. */
export function Changes({ comparison }: { comparison: ReleaseComparison }) {
  if (comparison.artifacts.length === 0) return <p class="t2">Neither has a file.</p>;
  return (
    <Table caption="What differs" columns={[{ label: "File" }, { label: "Fact" }, { label: "Change" }]}>
      {comparison.artifacts.flatMap((artifact) => rowsOf(artifact))}
    </Table>
  );
}

function rowsOf(artifact: ArtifactComparison) {
  const { platform, arch, format, status, changes } = artifact;
  const name = (
    <NameCell>
      {platformNames[platform]} <span class="t3">{`${arch}, ${formatName(format)}`}</span>
    </NameCell>
  );
  if (status !== "changed" || changes.length === 0) {
    return [
      <Row>
        {name}
        <Cell />
        <Cell>{statusWords[status]}</Cell>
      </Row>,
    ];
  }
  return changes.map((change, index) => (
    <Row>
      {index === 0 ? name : <Cell isQuiet />}
      <Cell>{factNames[change.fact]}</Cell>
      <Cell>
        <ChangeWords change={change} />
      </Cell>
    </Row>
  ));
}

const statusWords: Readonly<Record<ArtifactComparison["status"], string>> = {
  added: "New file",
  removed: "No such file any more",
  changed: "Other bytes, the same facts",
  same: "The same bytes",
};

function ChangeWords({ change }: { change: ArtifactChange }) {
  if (change.fact === "size_bytes") {
    const [from, to] = [Number(change.from), Number(change.to)];
    const sign = to >= from ? "+" : "−";
    return (
      <>
        {decimalSize(to)} <span class="t3">was {decimalSize(from)}, </span>
        {sign}
        {decimalSize(Math.abs(to - from))}
      </>
    );
  }
  if (change.added.length > 0 || change.removed.length > 0) {
    return (
      <ul>
        {change.added.map((one) => (
          <li>
            new: <bdi>{shownName(one)}</bdi>
          </li>
        ))}
        {change.removed.map((one) => (
          <li class="t2">
            gone: <bdi>{shownName(one)}</bdi>
          </li>
        ))}
      </ul>
    );
  }
  const words = (value: string | number | null) => (value === null ? "nothing" : shownName(String(value)));
  return (
    <>
      <bdi>{words(change.to)}</bdi>{" "}
      <span class="t3">
        was <bdi>{words(change.from)}</bdi>
      </span>
    </>
  );
}
