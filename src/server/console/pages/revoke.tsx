import { versionText } from "../../pages/wording.ts";
import { releasePath } from "../addresses.ts";
import { Terminal } from "../components/copy.tsx";
import { Form, type FormState, ReasonField, Submit } from "../components/form.tsx";
import { Head, LinkButton, Part } from "../components/part.tsx";
import { newForm, readForm, refusedForm } from "../forms.ts";
import type { Page } from "../frame.tsx";
import type { ConsoleContext, MountPages } from "../mount-console.ts";
import type { Viewer } from "../viewer.ts";
import { releaseCrumbs } from "./release.tsx";

/** `GET`, `POST …/releases/{id}/revoke`. */
export const mountRevoke: MountPages = (app, { show, act }) => {
  app.get(
    "/admin/apps/:app/releases/:id/revoke",
    show((viewer, c) => revokePage(viewer, c, newForm(viewer))),
  );
  app.post(
    "/admin/apps/:app/releases/:id/revoke",
    act(async (viewer, c) => {
      const form = await readForm(c);
      const { app: slug, id } = c.req.param();
      try {
        const release = await viewer.registry.revokeRelease(
          slug!,
          { release: id! },
          { reason: form.optional("reason") },
        );
        return { to: releasePath(release) };
      } catch (error) {
        const state = refusedForm(viewer, form, error);
        return { again: await revokePage(viewer, c, state), state };
      }
    }),
  );
};

async function revokePage(viewer: Viewer, c: ConsoleContext, state: FormState): Promise<Page> {
  const { app: slug, id } = c.req.param();
  const { registry } = viewer;
  const release = await registry.getRelease(slug!, { release: id! });
  const version = versionText(release);
  const channels = (await registry.listChannels(release.app)).items.filter(({ name }) =>
    release.current_in.includes(name),
  );
  const title = `Revoke ${version}`;
  const content = (
    <>
      <Head title={title} meta="Nothing has changed yet. A revocation is final." />
      <div class="columns">
        <div>
          <Part title="What it does">
            <ul class="rows">
              {channels.map(({ name, previous_release_id: previous }) => (
                <li>
                  <p>
                    <b>{name}</b> points here and goes back{" "}
                    {previous === null ? (
                      "to nothing: it pointed at nothing before that still stands"
                    ) : (
                      <a href={releasePath({ app: release.app, id: previous })}>to the release before</a>
                    )}
                    .
                  </p>
                </li>
              ))}
              <li>
                <p>
                  Pages and links never serve {version} again; its downloads answer that it was revoked. Its
                  version and build stay taken.
                </p>
              </li>
              <li>
                <p>Who installed it keeps it: a revocation reaches no device.</p>
              </li>
            </ul>
          </Part>
        </div>
        <aside aria-label="Confirm">
          <Form state={state}>
            <h2>Confirm</h2>
            <ReasonField state={state} required={false} />
            <Submit kind="kill">Revoke {version}</Submit>
            <LinkButton href={releasePath(release)}>Leave it published</LinkButton>
            <Terminal
              text={`dist release revoke ${release.id} --app ${release.app} --server ${viewer.baseUrl}`}
            />
          </Form>
        </aside>
      </div>
    </>
  );
  return { title, section: "apps", crumbs: releaseCrumbs(release, true), content };
}
