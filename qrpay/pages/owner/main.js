// The owner's page: today, books, tills, people, codes, keys, webhooks. It calls the API with the shop's own key, kept in this tab.
import { Api } from "../lib/api.js";
import { t } from "../lib/lang.js";
import { forget, save, takeFromFragment } from "../lib/session.js";
import { CredentialForm, Head, html, mount, Trouble, useEffect, useState } from "../lib/view.js";
import { Books } from "./books.js";
import { StaticCodes } from "./codes.js";
import { SecretKeys } from "./keys.js";
import { People } from "./people.js";
import { Tills } from "./tills.js";
import { Today } from "./today.js";
import { Webhooks } from "./webhooks.js";

const TABS = { today: Today, books: Books, tills: Tills, people: People, codes: StaticCodes, keys: SecretKeys, webhooks: Webhooks };

function Owner() {
  const [session, setSession] = useState(() => takeFromFragment("owner", ["key"]));
  if (!session.key) {
    const enter = (given) => { save("owner", given); setSession(given); };
    return html`<${Head} name=${t("own_title")} />
      <${CredentialForm} title=${t("own_welcome")} hint=${t("pos_key_hint")} done=${enter} fields=${[{ name: "key", label: t("secret_key"), required: true, secret: true }]} />`;
  }
  return html`<${Desk} key=${session.key} session=${session} leave=${() => { forget("owner"); setSession({}); }} />`;
}

function Desk({ session, leave }) {
  const [api] = useState(() => Object.assign(new Api(session.key), { ended: leave }));
  const [tab, setTab] = useState("today");
  const [name, setName] = useState("");
  const [trouble, setTrouble] = useState(null);
  useEffect(() => { api.get("/v1/merchant").then((me) => setName(me.test ? `${me.name} · ${t("test_mode")}` : me.name), setTrouble); }, []);
  const Tab = TABS[tab];
  return html`<${Head} name=${name || t("own_title")}><button type="button" class="quiet" onClick=${leave}>${t("leave")}</button><//>
    <nav class="tabs" aria-label=${t("own_title")}>${Object.keys(TABS).map((one) => html`<button type="button" class="quiet" key=${one}
      aria-current=${one === tab ? "page" : null} onClick=${() => setTab(one)}>${t(`own_tab_${one}`)}</button>`)}</nav>
    <${Trouble} reason=${trouble} />
    <div class="panel"><${Tab} key=${tab} api=${api} /></div>`;
}

mount(Owner);
