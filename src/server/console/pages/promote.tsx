import type { ChannelRecord } from "../../../registry/records/channels.ts";
import type { ReleaseComparison, ReleaseRecord } from "../../../registry/records/releases.ts";
import type { PromotionCheck, PromotionRule } from "../../../registry/records/status.ts";
import { shownName, versionText } from "../../pages/wording.ts";
import { appPath, channelPath, releasePath } from "../addresses.ts";
import { policyWords } from "../channel-words.ts";
import { Changes } from "../components/changes.tsx";
import { Terminal } from "../components/copy.tsx";
import { Form, type FormState, ReasonField, Select, Submit } from "../components/form.tsx";
import { Icon } from "../components/icon.tsx";
import { Empty, Head, LinkButton, Part } from "../components/part.tsx";
import { Time } from "../components/time.tsx";
import { newForm, readForm, refusedForm } from "../forms.ts";
import type { Page } from "../frame.tsx";
import type { ConsoleContext, MountPages } from "../mount-console.ts";
import type { Viewer } from "../viewer.ts";

const PAGES = "/admin/apps/:app/channels/:channel";
/** So many of the newest can be chosen from; any other by its id in the address. */
const OFFERED = 50;
const percentages = ["100", "50", "25", "10", "1", "0"];

/** `GET`, `POST …/channels/{name}/promote?release=` and `…/rollback`. */
export const mountPromote: MountPages = (app, { show, act }) => {
  app.get(
    `${PAGES}/promote`,
    show(async (viewer, c) => {
      const { slug, name } = placeOf(c);
      const release = c.req.query("release");
      if (release === undefined) return await choosePage(viewer, slug, name);
      return await promotePage(viewer, slug, name, release, newForm(viewer, { rollout_percent: "100" }));
    }),
  );
  app.post(
    `${PAGES}/promote`,
    act(async (viewer, c) => {
      const { slug, name } = placeOf(c);
      const form = await readForm(c);
      const release = form.text("release");
      try {
        await viewer.registry.promote(slug, name, {
          release,
          reason: form.optional("reason"),
          rollout_percent: Number(form.text("rollout_percent")),
          ...(form.text("expect") !== "" && { expect: form.text("expect") }),
        });
        return { to: channelPath(slug, name) };
      } catch (error) {
        const state = refusedForm(viewer, form, error);
        return { again: await promotePage(viewer, slug, name, release, state), state };
      }
    }),
  );
  app.get(
    `${PAGES}/rollback`,
    show((viewer, c) => rollbackPage(viewer, c, newForm(viewer))),
  );
  app.post(
    `${PAGES}/rollback`,
    act(async (viewer, c) => {
      const { slug, name } = placeOf(c);
      const form = await readForm(c);
      try {
        const expect = form.text("expect");
        await viewer.registry.rollback(slug, name, {
          reason: form.optional("reason"),
          ...(expect !== "" && { expect }),
        });
        return { to: channelPath(slug, name) };
      } catch (error) {
        const state = refusedForm(viewer, form, error);
        return { again: await rollbackPage(viewer, c, state), state };
      }
    }),
  );
};

function placeOf(c: ConsoleContext): { slug: string; name: string } {
  return { slug: c.req.param("app")!, name: c.req.param("channel")! };
}

const crumbs = (slug: string, name: string) => [
  { label: "Apps", href: "/admin/apps" },
  { label: slug, href: appPath(slug) },
  { label: name, href: channelPath(slug, name) },
];

/** Which release, where the address names none. */
async function choosePage(viewer: Viewer, slug: string, name: string): Promise<Page> {
  const { registry, nowMs } = viewer;
  const channel = await registry.getChannel(slug, name);
  const releases = (await registry.listReleases(slug, { limit: OFFERED })).items.filter(
    ({ id, status }) => status === "published" && id !== channel.current_release_id,
  );
  const content = (
    <>
      <Head
        title={`Promote to ${name}`}
        meta={`It points at ${currentWords(channel)}. Which release is it to point at?`}
      />
      <div class="part">
        {releases.length === 0 ? (
          <Empty
            command={`dist ci publish --server ${viewer.baseUrl} --token "$DIST_TOKEN" --manifest dist.json`}
          >
            There is no other published release.
          </Empty>
        ) : (
          <ul class="rows">
            {releases.map((release) => (
              <li>
                <p>
                  <a class="strong" href={`${channelPath(slug, name)}/promote?release=${release.id}`}>
                    {versionText(release)}
                  </a>{" "}
                  <span class="t3">{release.current_in.join(", ")}</span>
                </p>
                <span class="age">
                  <Time at={release.published_at} nowMs={nowMs} />
                </span>
              </li>
            ))}
          </ul>
        )}
      </div>
    </>
  );
  return { title: "Promote", section: "apps", crumbs: crumbs(slug, name), content };
}

function currentWords(channel: ChannelRecord): string {
  if (channel.current_version === null) return "nothing";
  return versionText({ version: channel.current_version, build: channel.current_build ?? "" });
}

async function promotePage(
  viewer: Viewer,
  slug: string,
  name: string,
  id: string,
  state: FormState,
): Promise<Page> {
  const { registry } = viewer;
  const check = await registry.checkPromotion(slug, name, { release: id });
  const comparison =
    check.from === null || check.from.release_id === check.to.release_id
      ? undefined
      : await registry.compareReleases(
          slug,
          { release: check.from.release_id },
          { release: check.to.release_id },
        );
  const version = versionText(check.to);
  const title = `Promote ${version} to ${name}`;
  const isThere = check.from?.release_id === check.to.release_id;
  const content = (
    <>
      <Head title={title} meta={isThere ? `${name} points there already.` : "Nothing has changed yet."} />
      <div class="columns">
        <div>
          <Move name={name} from={check.from} to={check.to} channel={check.channel} />
          <ForWhom name={name} comparison={comparison} isFirst={check.from === null} />
          <Rules check={check} />
        </div>
        <aside aria-label="Confirm">
          {check.allowed ? (
            <Form state={state}>
              <h2>Confirm</h2>
              <input type="hidden" name="release" value={check.to.release_id} />
              <input type="hidden" name="expect" value={check.from?.release_id ?? ""} />
              <Select
                state={state}
                name="rollout_percent"
                label={`How many requests get ${version}`}
                hint="For update feeds; downloads and install pages always serve it. It does not widen by itself."
                options={percentages.map((value) => ({
                  value,
                  label: value === "0" ? "0 %, halted" : `${value} %`,
                }))}
              />
              <ReasonField state={state} required={false} />
              <Submit>
                Point {name} at {version}
              </Submit>
              <LinkButton href={channelPath(slug, name)}>
                Leave {name} at {check.from === null ? "nothing" : versionText(check.from)}
              </LinkButton>
              <Undo name={name} from={check.from} />
              <Terminal
                text={`dist release promote ${check.to.release_id} --app ${slug} --channel ${name} --server ${viewer.baseUrl}`}
              />
            </Form>
          ) : (
            <div class="say">
              <h2>It cannot be promoted now</h2>
              {check.rules
                .filter(({ passed }) => !passed)
                .map(({ message, code }) => (
                  <p>
                    {shownName(message ?? "")} <code class="t3">{code}</code>
                  </p>
                ))}
              <p>
                <a href={channelPath(slug, name)}>The channel and its rules</a>
              </p>
            </div>
          )}
        </aside>
      </div>
    </>
  );
  return { title, section: "apps", crumbs: crumbs(slug, name), content };
}

interface MoveProps {
  name: string;
  from: PromotionCheck["from"];
  to: PromotionCheck["to"];
  channel: ChannelRecord;
}

function Move({ name, from, to, channel }: MoveProps) {
  return (
    <div class="move">
      <div>
        <p class="t3">{name} points at, now</p>
        <p class="verdict">{from === null ? "nothing" : from.version}</p>
        <p class="t2">{from === null ? "" : `${from.build} for ${channel.rollout_percent} %`}</p>
      </div>
      <Icon name="arrow" />
      <div>
        <p class="t3">{name} points at, after</p>
        <p class="verdict">{to.version}</p>
        <p class="t2">{to.build}</p>
      </div>
    </div>
  );
}

interface ForWhomProps {
  name: string;
  comparison: ReleaseComparison | undefined;
  isFirst: boolean;
}

function ForWhom({ name, comparison, isFirst }: ForWhomProps) {
  return (
    <Part
      title="For whom"
      note={`everybody who installs or updates from ${name}; other channels do not move`}
    >
      {comparison === undefined ? (
        <p class="t2">{isFirst ? "It is the channel's first release." : "Nothing changes for them."}</p>
      ) : (
        <Changes comparison={comparison} />
      )}
    </Part>
  );
}

const ruleNames: Readonly<Record<PromotionRule["rule"], string>> = {
  published: "Published, not revoked",
  manual: "Moved by hand",
  require_validation: "All checks passed",
  from: "Comes from another channel",
  min_time: "Was there for long enough",
  permission: "You may move it",
};

function Rules({ check: { rules, allowed, channel } }: { check: PromotionCheck }) {
  return (
    <Part
      title={`Rules of ${channel.name}`}
      note={allowed ? `all ${rules.length} pass` : policyWords(channel)}
    >
      <ul class="rows">
        {rules.map(({ rule, passed, fact }) => (
          <li>
            <Icon name={passed ? "passed" : "failed"} tone={passed ? "ok" : "bad"} />
            <p>
              <b>{ruleNames[rule]}</b> <span class="vh">{passed ? "passes:" : "refuses:"}</span>{" "}
              <span class="t2">{shownName(fact)}</span>
            </p>
          </li>
        ))}
      </ul>
    </Part>
  );
}

function Undo({ name, from }: { name: string; from: PromotionCheck["from"] }) {
  return (
    <div>
      <h3>To undo</h3>
      <p class="t2">
        {from === null
          ? `${name} has nothing to go back to: it can be moved on, or the release revoked.`
          : `Roll back ${name}: it returns to ${versionText(from)}. Who installed the new one keeps it until their app offers the other as an update.`}
      </p>
    </div>
  );
}

async function rollbackPage(viewer: Viewer, c: ConsoleContext, state: FormState): Promise<Page> {
  const { slug, name } = placeOf(c);
  const { registry } = viewer;
  const channel = await registry.getChannel(slug, name);
  const title = `Roll back ${name}`;
  const page = { title, section: "apps" as const, crumbs: crumbs(slug, name) };
  const { current_release_id: current, previous_release_id: previous } = channel;
  if (current === null || previous === null) {
    const content = (
      <>
        <Head title={title} />
        <Empty>
          {name} has no release to go back to: it points at {currentWords(channel)} and pointed at nothing
          before that still stands.
        </Empty>
      </>
    );
    return { ...page, content };
  }
  const to: ReleaseRecord = await registry.getRelease(slug, { release: previous });
  const from: ReleaseRecord = await registry.getRelease(slug, { release: current });
  const comparison = await registry.compareReleases(slug, { release: current }, { release: previous });
  const named = ({ id, version, build }: ReleaseRecord) => ({ release_id: id, version, build });
  const content = (
    <>
      <Head title={title} meta="Nothing has changed yet." />
      <div class="columns">
        <div>
          <Move name={name} from={named(from)} to={named(to)} channel={channel} />
          <ForWhom name={name} comparison={comparison} isFirst={false} />
        </div>
        <aside aria-label="Confirm">
          <Form state={state}>
            <h2>Confirm</h2>
            <input type="hidden" name="expect" value={current} />
            <ReasonField state={state} required={false} />
            <Submit>
              Point {name} back at {versionText(to)}
            </Submit>
            <LinkButton href={channelPath(slug, name)}>Leave it at {versionText(from)}</LinkButton>
            <div>
              <h3>What it does not do</h3>
              <p class="t2">
                <a href={releasePath(from)}>{versionText(from)}</a> stays published and can be promoted again.
                Who installed it keeps it until their app offers the other. To take it out of use everywhere,
                revoke it.
              </p>
            </div>
            <Terminal
              text={`dist release rollback --app ${slug} --channel ${name} --server ${viewer.baseUrl}`}
            />
          </Form>
        </aside>
      </div>
    </>
  );
  return { ...page, content };
}
