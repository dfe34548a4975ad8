import { setCookie } from "hono/cookie";

import type { StoreDecisions } from "../../../registry/records/status.ts";
import type { SessionRecord } from "../../../registry/records/tokens.ts";
import { shownName } from "../../pages/wording.ts";
import { Terminal } from "../components/copy.tsx";
import { Choices, Form, Submit } from "../components/form.tsx";
import { Health } from "../components/health.tsx";
import { Head, Part } from "../components/part.tsx";
import { Status } from "../components/status.tsx";
import { Cell, NameCell, Row, Table } from "../components/table.tsx";
import { Time } from "../components/time.tsx";
import { newForm, readForm } from "../forms.ts";
import type { Page } from "../frame.tsx";
import type { ConsoleContext, MountPages } from "../mount-console.ts";
import { keysCookie, may, roleOf, themeCookie, themes, type Viewer } from "../viewer.ts";

/** Of an administrator, everybody's. */
const MAX_SESSIONS = 100;
const YEAR_SECONDS = 365 * 24 * 3600;

/** `GET /admin/settings`, `POST …/appearance` and `…/sessions`, and `GET /admin/keys`. */
export const mountSettings: MountPages = (app, { show, act }) => {
  app.get(
    "/admin/settings",
    show(async (viewer) => {
      const { health } = await viewer.registry.storeDecisions();
      const sessions = await viewer.registry.listSessions({ limit: MAX_SESSIONS });
      return settingsPage(viewer, sessions.items, health);
    }),
  );
  app.post(
    "/admin/settings/sessions",
    act(async (viewer, c) => {
      const form = await readForm(c);
      await viewer.registry.endSession(form.text("session"));
      return { to: "/admin/settings" };
    }),
  );
  app.post(
    "/admin/settings/appearance",
    act(async (_, c) => {
      const form = await readForm(c);
      const theme = themes.find((one) => one === form.text("theme")) ?? "auto";
      keep(c, themeCookie, theme);
      keep(c, keysCookie, form.text("keys") === "off" ? "off" : "on");
      return { to: "/admin/settings" };
    }),
  );
  app.get(
    "/admin/keys",
    show(async () => keysPage),
  );
};

function keep(c: ConsoleContext, name: string, value: string): void {
  setCookie(c, name, value, {
    path: "/admin",
    maxAge: YEAR_SECONDS,
    sameSite: "Lax",
    httpOnly: true,
    secure: c.var.baseUrl.startsWith("https:"),
  });
}

function settingsPage(
  viewer: Viewer,
  sessions: readonly SessionRecord[],
  health: StoreDecisions["health"],
): Page {
  const state = newForm(viewer, { theme: viewer.theme, keys: viewer.hasKeys ? "on" : "off" });
  const content = (
    <>
      <Head title="Settings" />
      <Sessions viewer={viewer} sessions={sessions} />
      <Part title="Appearance" note="in this browser">
        <Form state={state} action="/admin/settings/appearance">
          <Choices
            state={state}
            name="theme"
            label="Colours"
            options={[
              { value: "auto", label: "As the system has them" },
              { value: "light", label: "Light" },
              { value: "dark", label: "Dark" },
            ]}
          />
          <Choices
            state={state}
            name="keys"
            label="Single keys"
            options={[
              { value: "on", label: "Open pages and move in lists" },
              { value: "off", label: "Do nothing" },
            ]}
          />
          <Submit kind="plain">Keep</Submit>
        </Form>
      </Part>
      {health !== null && (
        <>
          <Health
            title="The store"
            health={health}
            nowMs={viewer.nowMs}
            end={may(viewer, "admin") && <a href="/admin/retention">What takes the space</a>}
          />
          <div class="part">
            <p class="t2">Its configuration stands in the server's file and environment, not here.</p>
            <Terminal text={`dist store status --server ${viewer.baseUrl}`} />
          </div>
        </>
      )}
    </>
  );
  return { title: "Settings", section: "settings", content };
}

function Sessions({ viewer, sessions }: { viewer: Viewer; sessions: readonly SessionRecord[] }) {
  const { nowMs, principal } = viewer;
  return (
    <Part title="Who you are" note={roleOf(viewer)}>
      <p>
        Signed in as <b>{shownName(principal.actor)}</b>, with the scopes {[...principal.scopes].join(", ")}
        {principal.channel !== null && `, on the channel ${principal.channel}`}.
      </p>
      <Table
        caption="Sessions"
        columns={[
          { label: "Browser" },
          { label: "Who" },
          { label: "Since" },
          { label: "Last seen" },
          { label: "Ends" },
          { label: "" },
        ]}
      >
        {sessions.map((session) => (
          <Row>
            <NameCell>
              {session.id === viewer.sessionId && <Status icon="live">this one</Status>}{" "}
              <bdi title={shownName(session.user_agent ?? "")}>{browserWords(session.user_agent)}</bdi>
            </NameCell>
            <Cell>
              <bdi>{shownName(session.actor)}</bdi>
            </Cell>
            <Cell label="since">
              <Time at={session.created_at} nowMs={nowMs} />
            </Cell>
            <Cell label="last seen">
              <Time at={session.last_seen_at} nowMs={nowMs} />
            </Cell>
            <Cell label="ends">
              <Time at={session.expires_at} nowMs={nowMs} />
            </Cell>
            <Cell>
              {session.id !== viewer.sessionId && (
                <form method="post" action="/admin/settings/sessions">
                  <input type="hidden" name="csrf" value={viewer.csrf} />
                  <input type="hidden" name="session" value={session.id} />
                  <button type="submit" class="btn small">
                    End it
                  </button>
                </form>
              )}
            </Cell>
          </Row>
        ))}
      </Table>
      <form method="post" action="/admin/sign-out" class="inline below">
        <input type="hidden" name="csrf" value={viewer.csrf} />
        <button type="submit" class="btn" name="everywhere" value="no">
          Sign out here
        </button>
        <button type="submit" class="btn" name="everywhere" value="yes">
          Sign out everywhere
        </button>
      </form>
      <div class="below">
        <Terminal text={`dist session list --server ${viewer.baseUrl}`} />
      </div>
    </Part>
  );
}

const browsers: readonly (readonly [name: string, mark: RegExp])[] = [
  ["Edge", /\bEdg(?:e|A|iOS)?\/(\d+)/],
  ["Firefox", /\b(?:Firefox|FxiOS)\/(\d+)/],
  ["Chrome", /\b(?:Chrome|HeadlessChrome|CriOS)\/(\d+)/],
  ["Safari", /\bVersion\/(\d+)[.\d]* .*Safari/],
];
const systems: readonly (readonly [name: string, mark: RegExp])[] = [
  ["an iPhone", /iPhone/],
  ["an iPad", /iPad/],
  ["Android", /Android/],
  ["Windows", /Windows/],
  ["a Mac", /Macintosh/],
  ["Linux", /Linux/],
];

/** `Chrome 131 on a Mac`, as far as a browser says what it is; all that it says stands in the title. */
function browserWords(userAgent: string | null): string {
  if (userAgent === null) return "unknown";
  const browser = browsers.find(([, mark]) => mark.test(userAgent));
  const system = systems.find(([, mark]) => mark.test(userAgent));
  if (browser === undefined) return shownName(userAgent.slice(0, 80));
  const version = browser[1].exec(userAgent)?.[1] ?? "";
  return `${browser[0]} ${version}${system === undefined ? "" : ` on ${system[0]}`}`;
}

const keys: readonly (readonly [keys: readonly string[], does: string])[] = [
  [["/"], "search"],
  [["g", "o"], "overview"],
  [["g", "a"], "apps"],
  [["g", "p"], "packages"],
  [["g", "l"], "audit log"],
  [["g", "t"], "tokens"],
  [["g", "s"], "settings"],
  [["j"], "next row"],
  [["k"], "row before"],
  [["Enter"], "open the row"],
  [["p"], "the page that promotes"],
  [["r"], "the page that rolls back"],
  [["c"], "compare"],
  [["h"], "the page that holds"],
  [["e"], "the page that extends"],
  [["y"], "copy the row's id"],
  [["."], "show what is new"],
  [["?"], "this page"],
  [["Esc"], "leave a field"],
];

const keysPage: Page = {
  title: "Keys",
  section: null,
  content: (
    <>
      <Head title="Keys" meta="They open pages and never act; in a field they are letters." />
      <dl class="facts part">
        {keys.map(([combination, does]) => (
          <>
            <dt>
              {combination.map((key) => (
                <>
                  <kbd>{key}</kbd>{" "}
                </>
              ))}
            </dt>
            <dd>{does}</dd>
          </>
        ))}
      </dl>
      <p class="part t2">
        They are switched off in the <a href="/admin/settings">settings</a>.
      </p>
    </>
  ),
};
