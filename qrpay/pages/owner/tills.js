// Stores and their tills: set up, paired by a code that a device scans, taken away.
import { QrCode } from "../lib/draw.js";
import { t } from "../lib/lang.js";
import { html, minutes, Sheet, Title, Trouble, useEffect, useSecondsLeft, useState } from "../lib/view.js";
import { Adder, Sure, useWork } from "./pieces.js";

export function Tills({ api }) {
  const [stores, setStores] = useState(null);
  const [offer, setOffer] = useState(null);
  const [run, , trouble] = useWork();
  const load = async () => setStores((await api.get("/v1/merchant")).stores);
  useEffect(() => { run(load); }, []);
  const place = [{ name: "name", label: t("item_name"), required: true }, { name: "code", label: t("own_place_code"), required: true, max: 9, like: "T1" }];
  return html`<${Title}>${t("own_tab_tills")}<//>
    <${Trouble} reason=${trouble} />
    ${stores?.map((store) => html`<section class="card says" key=${store.id}><h2>${store.name} <span class="fine">${store.code}</span></h2>
      <ul class="rows">${store.terminals.map((till) => html`<li key=${till.id} data-till=${till.code}><details class="inside-row"><summary class="row"><span><strong>${till.name}</strong><span class="fine">${till.code}</span></span></summary>
        <div class="doors inside"><button type="button" class="first" onClick=${() => run(async () => setOffer(await api.post(`/v1/terminals/${till.id}/pairing-codes`)))}>${t("pair_go")}</button>
          <${Sure} label=${t("own_unpair")} act=${() => run(async () => {
            await api.post(`/v1/terminals/${till.id}/unpair`);
            await api.post(`/v1/terminals/${till.id}/offline-keys/revoke`);
          })} /></div></details></li>`)}</ul>
      <${Adder} label=${t("own_new_till")} fields=${place} done=${(given) => run(async () => { await api.post(`/v1/stores/${store.id}/terminals`, given); await load(); })} />
    </section>`)}
    <${Adder} label=${t("own_new_store")} fields=${place} done=${(given) => run(async () => { await api.post("/v1/stores", given); await load(); })} />
    ${offer && html`<${Offer} offer=${offer} close=${() => setOffer(null)} />`}`;
}

function Offer({ offer, close }) {
  const left = useSecondsLeft(offer.expires_at);
  return html`<${Sheet} label=${t("pair_title")} close=${close}><div class="code-screen">
    <p>${t("own_pair_hint")}</p><${QrCode} text=${offer.url} label=${t("pairing_code")} />
    <p class="digits" data-code=${offer.code}>${offer.code}</p><p class="fine" role="timer">${t("valid_for", { time: minutes(left) })}</p>
    <button type="button" class="first wide" onClick=${close}>${t("done")}</button></div><//>`;
}
