import { guessPlatform } from "../../../registry/manifest/guess-platform.ts";
import { arches, platforms } from "../../../registry/manifest/vocabulary.ts";
import type { ArtifactRecord } from "../../../registry/records/releases.ts";
import { httpErrors } from "../../http-errors.ts";
import { platformNames, shownName } from "../../pages/wording.ts";
import { appPath, releasePath } from "../addresses.ts";
import { Command } from "../components/copy.tsx";
import {
  FilesField,
  Form,
  type FormState,
  Select,
  Submit,
  TextArea,
  TextField,
} from "../components/form.tsx";
import { Head } from "../components/part.tsx";
import { newForm, refusedForm, sentForm } from "../forms.ts";
import type { Page } from "../frame.tsx";
import type { MountPages } from "../mount-console.ts";
import { receiveFiles } from "../receive-files.ts";
import type { Viewer } from "../viewer.ts";

const fields = {
  "release.invalid_version": "version",
  "release.invalid_build": "build",
  "release.invalid_notes": "notes",
  "transaction.integrity": "version",
  "app.platform_not_allowed": "platform",
  "release.empty": "files",
  "validation.": "files",
  "channel.": "channel",
  "request.invalid_parameter": "platform",
};

/** `GET`, `POST /admin/apps/{app}/publish`: a release by hand, from files that are dropped or chosen. */
export const mountPublish: MountPages = (app, { show, act }) => {
  app.get(
    "/admin/apps/:app/publish",
    show((viewer, c) => publishPage(viewer, c.req.param("app")!, newForm(viewer))),
  );
  app.post(
    "/admin/apps/:app/publish",
    act(async (viewer, c) => {
      const slug = c.req.param("app")!;
      let form = sentForm(new URLSearchParams());
      try {
        const received = await receiveFiles(c, (source) =>
          viewer.registry.uploadObject(source, { signal: c.req.raw.signal }),
        );
        form = received.form;
        const platform = form.optional("platform");
        const { release } = await viewer.registry.publish({
          app: slug,
          version: form.text("version"),
          build: form.text("build"),
          channel: form.optional("channel"),
          notes: form.optional("notes"),
          artifacts: received.files.map(({ filename, object }) => ({
            platform: (platform ?? platformOf(filename)) as ArtifactRecord["platform"],
            filename,
            sha256: object.sha256,
            ...(form.optional("arch") !== null && { arch: form.text("arch") as ArtifactRecord["arch"] }),
          })),
        });
        return { to: releasePath({ app: slug, id: release.id }) };
      } catch (error) {
        const state = refusedForm(viewer, form, error, fields);
        return { again: await publishPage(viewer, slug, state), state };
      }
    }),
  );
};

function platformOf(filename: string): string {
  const guess = guessPlatform(filename);
  if (guess !== undefined) return guess;
  throw httpErrors.error(
    "request.invalid_parameter",
    `${shownName(filename)}: its name does not say for which platform it is.`,
    { details: { parameter: "platform", filename }, hint: "Choose the platform." },
  );
}

async function publishPage(viewer: Viewer, slug: string, state: FormState): Promise<Page> {
  const app = await viewer.registry.getApp(slug);
  const channels = (await viewer.registry.listChannels(slug)).items;
  const content = (
    <>
      <Head
        title={
          <>
            Publish files of <bdi>{shownName(app.display_name)}</bdi>
          </>
        }
        meta="One release, whole or not at all. Builds are published by CI:"
      />
      <Command
        text={`dist ci publish --server ${viewer.baseUrl} --token "$DIST_TOKEN" --manifest dist.json`}
      />
      <div class="part narrow">
        <Form state={state} hasFiles>
          <TextField state={state} name="version" label="Version" required />
          <TextField state={state} name="build" label="Build" hint="Where one version has several." />
          <Select
            state={state}
            name="channel"
            label="Channel"
            hint="Its rules say whether it moves at once."
            options={[
              { value: "", label: "none: publish only" },
              ...channels.map(({ name }) => ({ value: name, label: name })),
            ]}
          />
          <Select
            state={state}
            name="platform"
            label="Platform"
            options={[
              { value: "", label: "by each file's name" },
              ...platforms.map((value) => ({ value, label: platformNames[value] })),
            ]}
          />
          <Select
            state={state}
            name="arch"
            label="Processor"
            options={[
              { value: "", label: "as each file says" },
              ...arches.map((value) => ({ value, label: value })),
            ]}
          />
          <TextArea state={state} name="notes" label="Notes" rows={4} />
          <FilesField state={state} name="files" label="Files" />
          <progress hidden max="1" value="0" aria-label="Sent" />
          <p role="status" data-upload-state></p>
          <button type="button" class="btn script-only" hidden data-upload-cancel>
            Cancel
          </button>
          <Submit>Publish</Submit>
        </Form>
      </div>
    </>
  );
  return {
    title: "Publish",
    section: "apps",
    crumbs: [
      { label: "Apps", href: "/admin/apps" },
      { label: slug, href: appPath(slug) },
    ],
    content,
  };
}
