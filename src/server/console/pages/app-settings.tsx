import type { AppChanges, AppRecord } from "../../../registry/records/apps.ts";
import { iosModeNames, platformNames, type Platform, shownName } from "../../pages/wording.ts";
import { appPath } from "../addresses.ts";
import { Terminal } from "../components/copy.tsx";
import {
  Choices,
  Form,
  type FormState,
  ReasonField,
  Submit,
  TextArea,
  TextField,
} from "../components/form.tsx";
import { Head, Part } from "../components/part.tsx";
import { newForm, readForm, refusedForm, type SentForm } from "../forms.ts";
import type { Page } from "../frame.tsx";
import type { MountPages } from "../mount-console.ts";
import type { Viewer } from "../viewer.ts";
import { AppTabs } from "./app.tsx";

const platforms = Object.keys(platformNames) as Platform[];

const fields = {
  "app.testflight_url_required": "testflight_url",
  "app.bundle_id_required": "bundle_ids",
};

/** What each iOS mode does for who opens the install page on an iPhone. */
const modeWords: Readonly<Record<AppRecord["ios_mode"], string>> = {
  artifact_only:
    "An iPhone cannot install it: the page says so, and gives the file to people with credentials.",
  testflight: "The page leads to TestFlight, where Apple installs it.",
  enterprise:
    "Devices that trust the organisation's certificate install it from the page, over HTTPS; all others cannot.",
};

/** `GET`, `POST /admin/apps/{app}/settings`, and `…/settings/signers`. */
export const mountAppSettings: MountPages = (app, { show, act }) => {
  app.get(
    "/admin/apps/:app/settings",
    show(async (viewer, c) => settingsPage(viewer, await viewer.registry.getApp(c.req.param("app")!), {})),
  );
  app.post(
    "/admin/apps/:app/settings",
    act(async (viewer, c) => {
      const form = await readForm(c);
      const slug = c.req.param("app")!;
      try {
        await viewer.registry.updateApp(slug, changesOf(form));
        return { to: `${appPath(slug)}/settings` };
      } catch (error) {
        const settings = refusedForm(viewer, form, error, fields);
        const record = await viewer.registry.getApp(slug);
        return { again: settingsPage(viewer, record, { settings }), state: settings };
      }
    }),
  );
  app.post(
    "/admin/apps/:app/settings/signers",
    act(async (viewer, c) => {
      const form = await readForm(c);
      const slug = c.req.param("app")!;
      const record = await viewer.registry.getApp(slug);
      try {
        await viewer.registry.updateApp(slug, pinsOf(form, record));
        return { to: `${appPath(slug)}/settings` };
      } catch (error) {
        const signers = refusedForm(viewer, form, error, fields);
        return { again: settingsPage(viewer, record, { signers }), state: signers };
      }
    }),
  );
};

function changesOf(form: SentForm): AppChanges {
  return {
    display_name: form.text("display_name"),
    owner: form.optional("owner"),
    visibility: form.text("visibility"),
    ios_mode: form.text("ios_mode"),
    testflight_url: form.optional("testflight_url"),
    bundle_ids: { ios: form.optional("bundle_ids") },
    retention_keep: Number(form.text("retention_keep") || "0"),
  };
}

/** Pins are replaced by what stands in the form: one in each line. */
function pinsOf(form: SentForm, app: AppRecord): AppChanges {
  const all = platforms.map((platform) => ({
    platform,
    now: app.identity_constraints[platform] ?? [],
    wanted: form
      .text(`pins_${platform}`)
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter(Boolean),
  }));
  const changed = all.filter(({ now, wanted }) => now.join("\n") !== wanted.join("\n"));
  const pin = changed
    .filter(({ wanted }) => wanted.length > 0)
    .map(({ platform, wanted }) => [platform, wanted]);
  const unpin = changed
    .filter(({ now, wanted }) => now.some((one) => !wanted.includes(one)))
    .map(({ platform }) => platform);
  const reason = form.optional("reason");
  return {
    signer_pinning: form.text("signer_pinning"),
    pin: Object.fromEntries(pin) as { [platform: string]: string[] },
    unpin,
    ...(reason !== null && { reason }),
  };
}

interface States {
  readonly settings?: FormState;
  readonly signers?: FormState;
}

function settingsPage(viewer: Viewer, app: AppRecord, states: States): Page {
  const settings =
    states.settings ??
    newForm(viewer, {
      display_name: app.display_name,
      owner: app.owner ?? "",
      visibility: app.visibility,
      ios_mode: app.ios_mode,
      testflight_url: app.testflight_url ?? "",
      bundle_ids: app.bundle_ids["ios"] ?? "",
      retention_keep: String(app.retention_keep),
    });
  const signers =
    states.signers ??
    newForm(viewer, {
      signer_pinning: app.signer_pinning,
      ...Object.fromEntries(
        platforms.map((platform) => [
          `pins_${platform}`,
          (app.identity_constraints[platform] ?? []).join("\n"),
        ]),
      ),
    });
  const content = (
    <>
      <Head title={<bdi>{shownName(app.display_name)}</bdi>} meta={<code>{app.slug}</code>} />
      <AppTabs slug={app.slug} viewer={viewer} current="settings" />
      <div class="halves">
        <Part title="The app">
          <Form state={settings}>
            <TextField state={settings} name="display_name" label="Name" required />
            <TextField state={settings} name="owner" label="Owner" hint="A team or a person, for people." />
            <Choices
              state={settings}
              name="visibility"
              label="Seen by"
              options={[
                { value: "public", label: "everybody, and listed" },
                { value: "unlisted", label: "everybody who knows its name" },
                { value: "private", label: "people who are signed in, and share links" },
              ]}
            />
            <Choices
              state={settings}
              name="ios_mode"
              label="iPhone and iPad"
              options={(Object.keys(modeWords) as AppRecord["ios_mode"][]).map((mode) => ({
                value: mode,
                label: (
                  <>
                    {iosModeNames[mode]} <span class="sub">{modeWords[mode]}</span>
                  </>
                ),
              }))}
            />
            <TextField state={settings} name="testflight_url" label="TestFlight link" type="url" />
            <TextField state={settings} name="bundle_ids" label="iOS bundle identifier" />
            <TextField
              state={settings}
              name="retention_keep"
              label="Each channel keeps so many of its latest releases"
              type="number"
              hint="0 keeps every release."
            />
            <Submit>Keep these settings</Submit>
            <Terminal
              text={`dist app set --app ${app.slug} --visibility ${app.visibility} --server ${viewer.baseUrl}`}
            />
          </Form>
        </Part>
        <Part title="Who may sign" note="a release signed by anybody else is refused">
          <Form state={signers} action={`${appPath(app.slug)}/settings/signers`}>
            <Choices
              state={signers}
              name="signer_pinning"
              label="Pins"
              options={[
                { value: "first_use", label: "whoever signs the first release of a platform" },
                { value: "manual", label: "only those an administrator names here" },
              ]}
            />
            {platforms.map((platform) => (
              <TextArea
                state={signers}
                name={`pins_${platform}`}
                label={platformNames[platform]}
                rows={Math.max(1, (signers.values[`pins_${platform}`] ?? "").split("\n").length)}
              />
            ))}
            <p class="hint">
              One in each line: the SHA-256 of an Android certificate, an Apple team, subject and issuer of a
              Windows certificate with <code>|</code> between them, or the fingerprint of a package key.
            </p>
            <ReasonField state={signers} required={false} />
            <Submit>Keep these signers</Submit>
          </Form>
        </Part>
      </div>
    </>
  );
  return {
    title: "Settings",
    section: "apps",
    crumbs: [
      { label: "Apps", href: "/admin/apps" },
      { label: app.slug, href: appPath(app.slug) },
    ],
    content,
  };
}
