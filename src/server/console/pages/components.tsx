import { Digest, ShortId, Terminal } from "../components/copy.tsx";
import { Bars, Meter, Spark } from "../components/chart.tsx";
import { Choices, Form, ReasonField, Select, Submit, TextField } from "../components/form.tsx";
import { Empty, Head, LinkButton, Part } from "../components/part.tsx";
import { RailCell, RailHead } from "../components/rail.tsx";
import { ReleaseStatus, Rollout, Status, TokenStatus } from "../components/status.tsx";
import { Cell, NameCell, Pager, Row, Table } from "../components/table.tsx";
import { Time } from "../components/time.tsx";
import { newForm, refusedForm, sentForm } from "../forms.ts";
import type { Page } from "../frame.tsx";
import type { MountPages } from "../mount-console.ts";
import type { Viewer } from "../viewer.ts";
import { httpErrors } from "../../http-errors.ts";

const MINUTE_MS = 60_000;
const digest = "0123456789abcdef".repeat(4);

/** `GET /admin/components`: every component in its states, for whoever changes one. */
export const mountComponents: MountPages = (app, { show }) => {
  app.get(
    "/admin/components",
    show(async (viewer) => componentsPage(viewer)),
  );
};

function componentsPage(viewer: Viewer): Page {
  const { nowMs } = viewer;
  const ago = (minutes: number) => new Date(nowMs - minutes * MINUTE_MS).toISOString();
  const fresh = newForm(viewer, { name: "acme", kind: "b", rights: "b" });
  const error = httpErrors.error("request.invalid_parameter", "The name is taken.", {
    hint: "Choose another.",
  });
  const wrong = refusedForm(viewer, sentForm(new URLSearchParams({ name: "acme" })), error, {
    "request.invalid_parameter": "name",
  });
  const options = ["a", "b", "c"].map((value) => ({ value, label: `Choice ${value}` }));
  const content = (
    <>
      <Head
        title="Components"
        meta="Each in its states."
        actions={
          <>
            <LinkButton href="#states">Plain</LinkButton>
            <LinkButton href="#states" isMain>
              Main
            </LinkButton>
            <LinkButton href="#states" isSmall>
              Small
            </LinkButton>
          </>
        }
      />
      <Part title="States" id="states">
        <ul class="meta">
          {(["draft", "published", "revoked", "deleted"] as const).map((status) => (
            <li>
              <ReleaseStatus status={status} />
            </li>
          ))}
          {(["active", "revoked", "expired"] as const).map((status) => (
            <li>
              <TokenStatus status={status} />
            </li>
          ))}
          {[100, 25, 0].map((percent) => (
            <li>
              <Rollout percent={percent} />
            </li>
          ))}
          {(["ok", "warn", "bad", "info"] as const).map((tone) => (
            <li>
              <Status icon="findings" tone={tone} tint={tone === "bad"}>
                {tone}
              </Status>
            </li>
          ))}
        </ul>
      </Part>
      <Part title="Times and ids">
        <ul class="meta">
          {[0, 5, 300, 5_000, 50_000, 900_000, -3_000].map((minutes) => (
            <li>
              <Time at={ago(minutes)} nowMs={nowMs} />
            </li>
          ))}
          <li>
            <Time at={null} nowMs={nowMs} />
          </li>
          <li>
            <Digest value={digest} />
          </li>
          <li>
            <ShortId id="rel_01h455vb4pex5vsknk084sn02q" />
          </li>
        </ul>
      </Part>
      <Part title="Rails in a table">
        <Table
          caption="Rails"
          first={<RailHead channels={["beta", "stable"]} />}
          columns={[{ label: "Release" }, { label: "Size", isNumber: true }]}
        >
          <Row>
            <RailCell
              channels={["beta", "stable"]}
              marks={[
                { mark: "here", isAhead: false },
                { mark: "none", isAhead: true },
              ]}
            />
            <NameCell>2.0.0</NameCell>
            <Cell isNumber>1.2 MB</Cell>
          </Row>
          <Row isDim>
            <RailCell
              channels={["beta", "stable"]}
              marks={[
                { mark: "was", isAhead: false },
                { mark: "here", isAhead: false },
              ]}
            />
            <NameCell>1.0.0</NameCell>
            <Cell isNumber>1.1 MB</Cell>
          </Row>
        </Table>
        <Pager href="/admin/components" next="x" isFirst={false} />
      </Part>
      <div class="halves">
        <Part title="A form">
          <Form state={fresh}>
            <TextField state={fresh} name="name" label="Name" hint="What it is called." />
            <Select state={fresh} name="kind" label="Kind" options={options} />
            <Choices state={fresh} name="rights" label="Rights" isMany options={options} />
            <ReasonField state={fresh} />
            <Submit>Do it</Submit>
            <Submit kind="kill">Delete it</Submit>
            <Terminal text="dist status" />
          </Form>
        </Part>
        <Part title="A form that was refused">
          <Form state={wrong}>
            <TextField state={wrong} name="name" label="Name" hint="What it is called." />
          </Form>
          <Empty command="dist init">Nothing is here yet.</Empty>
        </Part>
      </div>
      <div class="halves">
        <Part title="Charts">
          <Bars
            title="Three days."
            steps={["Mon", "Tue", "Wed"]}
            series={["a", "b", "c", "d"].map((label, index) => ({ label, values: [3, index, 5 - index] }))}
            unit="download"
          />
        </Part>
        <Part title="Small ones">
          <Spark values={[1, 4, 2, 8, 0, 3]} />
          <Meter label="Half used, a tenth may go" parts={[{ share: 0.5 }, { share: 0.1, isAmber: true }]} />
        </Part>
      </div>
    </>
  );
  return { title: "Components", section: null, content };
}
