import { durationWords } from "../../../base/duration.ts";
import type { ChannelRecord, ChannelMoveRecord } from "../../../registry/records/channels.ts";
import { shownName, versionText } from "../../pages/wording.ts";
import { appPath, channelPath, releasePath } from "../addresses.ts";
import { policyWords } from "../channel-words.ts";
import { AppActivity, STATISTICS_DAYS } from "../components/activity.tsx";
import { Terminal } from "../components/copy.tsx";
import { Choices, Form, type FormState, Select, Submit, TextField } from "../components/form.tsx";
import { Empty, Head, LinkButton, Part } from "../components/part.tsx";
import { Rollout } from "../components/status.tsx";
import { Cell, NameCell, Row, Table } from "../components/table.tsx";
import { Time } from "../components/time.tsx";
import { newForm, readForm, refusedForm, type SentForm } from "../forms.ts";
import type { Page } from "../frame.tsx";
import type { MountPages } from "../mount-console.ts";
import { may, mayMove, type Viewer } from "../viewer.ts";

/** The history is read from its start; a channel with more moves shows its latest ones. */
const MOVES_PER_READ = 1000;
const SHOWN_MOVES = 100;
const MAX_READS = 20;

const fields = { "channel.invalid_name": "name" };

/** `GET /admin/apps/{app}/channels/{name}`, `GET`, `POST …/settings`, `GET`, `POST …/channels/new`. */
export const mountChannel: MountPages = (app, { show, act }) => {
  app.get(
    "/admin/apps/:app/channels/new",
    show(async (viewer, c) =>
      settingsPage(viewer, c.req.param("app")!, null, newForm(viewer, valuesOf(null))),
    ),
  );
  app.get(
    "/admin/apps/:app/channels/:channel",
    show((viewer, c) => channelPage(viewer, c.req.param("app")!, c.req.param("channel")!)),
  );
  app.get(
    "/admin/apps/:app/channels/:channel/settings",
    show(async (viewer, c) => {
      const slug = c.req.param("app")!;
      const channel = await viewer.registry.getChannel(slug, c.req.param("channel")!);
      return settingsPage(viewer, slug, channel, newForm(viewer, valuesOf(channel)));
    }),
  );
  const save = (name: string | null) =>
    act(async (viewer, c) => {
      const form = await readForm(c);
      const slug = c.req.param("app")!;
      const own = name === null ? form.text("name") : c.req.param("channel")!;
      try {
        await viewer.registry.setChannel(slug, own, changesOf(form));
        return { to: channelPath(slug, own) };
      } catch (error) {
        const state = refusedForm(viewer, form, error, fields);
        const channel = name === null ? null : await viewer.registry.getChannel(slug, own);
        return { again: await settingsPage(viewer, slug, channel, state), state };
      }
    });
  app.post("/admin/apps/:app/channels/new", save(null));
  app.post("/admin/apps/:app/channels/:channel/settings", save("own"));
};

async function channelPage(viewer: Viewer, slug: string, name: string): Promise<Page> {
  const { registry, nowMs } = viewer;
  const channel = await registry.getChannel(slug, name);
  const moves = may(viewer, "read", slug) ? await latestMoves(viewer, slug, name) : null;
  const statistics = may(viewer, "read", slug)
    ? await registry.appStatistics(slug, { days: STATISTICS_DAYS, channel: name })
    : null;
  const path = channelPath(slug, name);
  const isMover = mayMove(viewer, slug, name);
  const content = (
    <>
      <Head
        title={name}
        meta={policyWords(channel)}
        actions={
          <>
            <LinkButton href={`/install/${slug}/${encodeURIComponent(name)}`}>Install page</LinkButton>
            {isMover && <LinkButton href={`${path}/settings`}>Settings…</LinkButton>}
            {isMover && channel.previous_release_id !== null && (
              <LinkButton href={`${path}/rollback`} shortcut="r">
                Roll back…
              </LinkButton>
            )}
            {isMover && (
              <LinkButton href={`${path}/promote`} isMain shortcut="p">
                Promote…
              </LinkButton>
            )}
          </>
        }
      />
      <Part title="Points at">
        {channel.current_release_id === null ? (
          <p class="t2">Nothing.</p>
        ) : (
          <p>
            <a class="verdict plain" href={releasePath({ app: slug, id: channel.current_release_id })}>
              {versionText({ version: channel.current_version!, build: channel.current_build ?? "" })}
            </a>{" "}
            <Rollout percent={channel.rollout_percent} />
          </p>
        )}
      </Part>
      {moves !== null && (
        <Part title="History" note="latest first">
          {moves.length === 0 ? (
            <Empty>It never pointed anywhere.</Empty>
          ) : (
            <Table
              caption={`History of ${name}`}
              columns={[
                { label: "Release" },
                { label: "How" },
                { label: "Rollout" },
                { label: "By" },
                { label: "Reason" },
                { label: "When", isNumber: true },
              ]}
            >
              {moves.map((move) => (
                <Move move={move} slug={slug} nowMs={nowMs} />
              ))}
            </Table>
          )}
        </Part>
      )}
      {statistics !== null && <AppActivity statistics={statistics} nowMs={nowMs} />}
    </>
  );
  return {
    title: name,
    section: "apps",
    crumbs: [
      { label: "Apps", href: "/admin/apps" },
      { label: slug, href: appPath(slug) },
    ],
    content,
  };
}

function Move({ move, slug, nowMs }: { move: ChannelMoveRecord; slug: string; nowMs: number }) {
  return (
    <Row>
      <NameCell>
        {move.release_id === null ? (
          <span class="t3">nothing</span>
        ) : (
          <a class="plain" href={releasePath({ app: slug, id: move.release_id })}>
            <span class="strong">{move.version}</span> <span class="t3">{move.build}</span>
          </a>
        )}
      </NameCell>
      <Cell>{move.action === "promoted" ? "promoted" : "rolled back"}</Cell>
      <Cell label="rollout">{move.rollout_percent} %</Cell>
      <Cell label="by">{shownName(move.actor)}</Cell>
      <Cell>{move.reason === null ? <span class="t3">–</span> : <bdi>{shownName(move.reason)}</bdi>}</Cell>
      <Cell isNumber>
        <Time at={move.at} nowMs={nowMs} />
      </Cell>
    </Row>
  );
}

async function latestMoves({ registry }: Viewer, slug: string, name: string): Promise<ChannelMoveRecord[]> {
  let after: string | undefined;
  let moves: ChannelMoveRecord[] = [];
  for (let reads = 0; reads < MAX_READS; reads += 1) {
    const request = { limit: MOVES_PER_READ, ...(after !== undefined && { after }) };
    const page = await registry.channelHistory(slug, name, request);
    moves = [...moves, ...page.items].slice(-SHOWN_MOVES);
    if (page.next === null) break;
    after = page.next;
  }
  return moves.toReversed();
}

function valuesOf(channel: ChannelRecord | null): FormState["values"] {
  if (channel === null) return { promote: "manual", rollout_percent: "100" };
  const { policy } = channel;
  return {
    promote: policy.promote,
    require_validation: policy.require_validation ? "yes" : "",
    from: policy.from ?? "",
    min_time_seconds: policy.min_time_seconds === 0 ? "" : String(policy.min_time_seconds),
    rollout_percent: String(channel.rollout_percent),
    retention_keep: channel.retention_keep === null ? "" : String(channel.retention_keep),
  };
}

function changesOf(form: SentForm) {
  const keep = form.text("retention_keep");
  return {
    policy: {
      promote: form.text("promote"),
      require_validation: form.text("require_validation") === "yes",
      from: form.optional("from"),
      min_time_seconds: Number(form.text("min_time_seconds") || "0"),
    },
    rollout_percent: Number(form.text("rollout_percent") || "100"),
    retention_keep: keep === "" ? null : Number(keep),
  };
}

async function settingsPage(
  viewer: Viewer,
  slug: string,
  channel: ChannelRecord | null,
  state: FormState,
): Promise<Page> {
  const others = (await viewer.registry.listChannels(slug)).items.filter(
    ({ name }) => name !== channel?.name,
  );
  const title = channel === null ? "Add a channel" : `Settings of ${channel.name}`;
  const seconds = Number(state.values["min_time_seconds"] || "0");
  const content = (
    <>
      <Head title={title} meta="They rule the next moves; what it points at stays." />
      <div class="part narrow">
        <Form state={state}>
          {channel === null && <TextField state={state} name="name" label="Name" required />}
          <Choices
            state={state}
            name="promote"
            label="Moves"
            options={[
              { value: "auto", label: "on publish, when its rules pass" },
              { value: "manual", label: "by hand only" },
            ]}
          />
          <Choices
            state={state}
            name="require_validation"
            label="Takes"
            isMany
            options={[{ value: "yes", label: "only releases whose files all passed their checks" }]}
          />
          <Select
            state={state}
            name="from"
            label="From"
            hint="Only releases that this channel points at, or pointed at."
            options={[
              { value: "", label: "anywhere" },
              ...others.map(({ name }) => ({ value: name, label: name })),
            ]}
          />
          <TextField
            state={state}
            name="min_time_seconds"
            label="For at least so many seconds there"
            type="number"
            hint={seconds > 0 ? `${durationWords(seconds)} now. 86,400 are a day.` : "86,400 are a day."}
          />
          <TextField
            state={state}
            name="rollout_percent"
            label="Rollout of what it points at, in percent"
            type="number"
            hint="0 halts it."
          />
          <TextField
            state={state}
            name="retention_keep"
            label="Keeps so many of its latest releases"
            type="number"
            hint="Empty: as the app says. 0: all it ever pointed at."
          />
          <Submit>{channel === null ? "Add the channel" : "Keep these settings"}</Submit>
          <Terminal
            text={`dist channel set --app ${slug} --channel ${channel?.name ?? "NAME"} --policy ${state.values["promote"] ?? "manual"} --server ${viewer.baseUrl}`}
          />
        </Form>
      </div>
    </>
  );
  return {
    title,
    section: "apps",
    crumbs: [
      { label: "Apps", href: "/admin/apps" },
      { label: slug, href: appPath(slug) },
      ...(channel === null ? [] : [{ label: channel.name, href: channelPath(slug, channel.name) }]),
    ],
    content,
  };
}
