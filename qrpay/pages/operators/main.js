// The operators' desk: sign-in, then what waits, search, freezes, the money light, the log, people.
import { Api } from "../lib/api.js";
import { t } from "../lib/lang.js";
import { Head, html, mount, useEffect, useState } from "../lib/view.js";
import { Freezes } from "./freezes.js";
import { Enrol, SignIn } from "./gate.js";
import { Light } from "./light.js";
import { Log } from "./log.js";
import { People } from "./people.js";
import { Queue } from "./queue.js";
import { Search } from "./search.js";

const TABS = { queue: Queue, search: Search, freezes: Freezes, light: Light, log: Log, people: People };
const api = new Api(null, { cookie: true });

/** The link's secret, taken out of the address at once. */
function enrolment() {
  const found = new URLSearchParams(location.hash.slice(1)).get("enrol");
  if (found) history.replaceState(null, "", location.pathname + location.search);
  return found;
}

const invited = enrolment();

function Desk() {
  const [me, setMe] = useState(undefined);
  const [link, setLink] = useState(invited);
  const [tab, setTab] = useState("queue");
  const [wanted, setWanted] = useState("");
  useEffect(() => {
    api.ended = () => setMe(null);
    api.get("/v1/operators/session").then(setMe, () => setMe(null));
  }, []);
  const leave = () => api.call("DELETE", "/v1/operators/session").then(() => setMe(null), () => setMe(null));
  const find = (id) => { setWanted(id); setTab("search"); };
  const entered = (who) => { setLink(null); setMe(who); };
  if (link) return html`<${Head} name=${t("op_title")} /><${Enrol} api=${api} link=${link} done=${entered} cancel=${() => setLink(null)} />`;
  if (me === undefined) return html`<${Head} name=${t("op_title")} /><p class="wait" role="status">${t("loading")}</p>`;
  if (me === null) return html`<${Head} name=${t("op_title")} /><${SignIn} api=${api} done=${entered} />`;
  const Tab = TABS[tab];
  return html`<${Head} name=${t("op_title")}>
      <span class="fine who" data-me=${me.name}>${me.name} · ${t(`role_${me.role}`)}</span>
      <button type="button" class="quiet" onClick=${leave}>${t("leave")}</button>
    <//>
    <nav class="tabs" aria-label=${t("op_title")}>
      ${Object.keys(TABS).map((name) => html`<button type="button" class="quiet" key=${name} aria-current=${name === tab ? "page" : null}
        onClick=${() => setTab(name)}>${t(`op_tab_${name}`)}</button>`)}
    </nav>
    <${Tab} api=${api} me=${me} find=${find} wanted=${wanted} />`;
}

mount(Desk);
