import type { AppRecord } from "../../registry/records/apps.ts";
import type { IosOffer } from "./ios-offer.ts";
import { iosModeNames, shownName } from "./wording.ts";

interface IosProps {
  readonly app: AppRecord;
  readonly offer: IosOffer;
  readonly isThisDevice: boolean;
}

/** What an iPhone can do with the app, in the words of its mode. Claims nothing that iOS would refuse. */
export function IosWords({ app, offer, isThisDevice }: IosProps) {
  return (
    <div class="ios">
      <p class="meta">iOS mode: {iosModeNames[app.ios_mode]}</p>
      <Offer app={app} offer={offer} isThisDevice={isThisDevice} />
    </div>
  );
}

function Offer({ app, offer, isThisDevice }: IosProps) {
  // The page's main action only where it leads somewhere.
  const button = isThisDevice ? "btn go" : "btn";
  switch (offer.kind) {
    case "testflight":
      return (
        <>
          <p>
            <a class={button} href={offer.url} rel="noreferrer">
              Open in TestFlight
            </a>
          </p>
          <p class="t2">
            Apple installs it, not this page. You need the TestFlight app and a place in the test; Apple
            decides on both. Which version you get is set there.
          </p>
        </>
      );
    case "enterprise":
      return (
        <>
          <p>
            <a class={button} href={offer.url}>
              Install on this managed device
            </a>
          </p>
          <p class="t2">iOS asks once, then shows the progress on the Home Screen, not here.</p>
          <ManagedOnly owner={app.owner} />
        </>
      );
    case "not_installable":
      return (
        <>
          <p class="say">
            <b>Not installable from this page.</b> {offer.reasons.join(" ")}
          </p>
          {app.ios_mode === "enterprise" && <ManagedOnly owner={app.owner} />}
        </>
      );
  }
}

function ManagedOnly({ owner }: { owner: string | null }) {
  const organisation = owner === null ? "the organisation that signs it" : shownName(owner);
  return (
    <p class="t2">
      Works only on devices that <bdi>{organisation}</bdi> manages (MDM), or after trusting the developer in
      Settings, General, VPN &amp; Device Management. Anywhere else iOS refuses the app; this page cannot
      change that.
    </p>
  );
}
