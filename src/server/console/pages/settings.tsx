import { setCookie } from "hono/cookie";

import { Choices, Form, Submit } from "../components/form.tsx";
import { Head, Part } from "../components/part.tsx";
import { newForm, readForm } from "../forms.ts";
import type { Page } from "../frame.tsx";
import type { ConsoleContext, MountPages } from "../mount-console.ts";
import { keysCookie, themeCookie, themes, type Viewer } from "../viewer.ts";

const YEAR_SECONDS = 365 * 24 * 3600;

/** `GET /admin/settings`, `POST …/appearance`, and `GET /admin/keys`. */
export const mountSettings: MountPages = (app, { show, act }) => {
  app.get(
    "/admin/settings",
    show(async (viewer) => settingsPage(viewer)),
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

function settingsPage(viewer: Viewer): Page {
  const state = newForm(viewer, { theme: viewer.theme, keys: viewer.hasKeys ? "on" : "off" });
  const content = (
    <>
      <Head title="Settings" />
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
    </>
  );
  return { title: "Settings", section: "settings", content };
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
