// Webhooks: where the shop's own server is told, what became of each delivery, and sending one again.
import { clock, t } from "../lib/lang.js";
import { html, Title, Trouble, useState } from "../lib/view.js";
import { Adder, List, Once, Sure, useList, useWork } from "./pieces.js";

export function Webhooks({ api }) {
  const list = useList(api, "/v1/webhook-endpoints");
  const [once, setOnce] = useState(null);
  const [opened, setOpened] = useState(null);
  const [run, , trouble] = useWork();
  const add = ({ url, events }) => run(async () => {
    const made = await api.post("/v1/webhook-endpoints", { url, events: events ? events.split(/[\s,]+/) : ["*"] }, { key: crypto.randomUUID() });
    setOnce({ label: t("own_signing_secret"), text: made.secret });
    await list.again();
  });
  if (opened) return html`<${Deliveries} api=${api} endpoint=${opened} back=${() => setOpened(null)} />`;
  return html`<${Title}>${t("own_tab_webhooks")}<//>
    ${once && html`<${Once} ...${once} close=${() => setOnce(null)} />`}
    <${Trouble} reason=${trouble} />
    <${Adder} label=${t("own_new_endpoint")} done=${add} fields=${[
      { name: "url", label: t("own_url"), required: true, max: 2048, mode: "url" }, { name: "events", label: t("own_events"), max: 400, like: "order.paid refund.succeeded" },
    ]} />
    <${List} list=${list} empty=${t("own_no_endpoints")} row=${(one) => html`<li key=${one.id} data-endpoint=${one.id}><details class="inside-row"><summary class="row">
      <span><strong>${one.url}</strong><span class="fine">${t(`own_endpoint_${one.status}`)} · ${one.events.join(" ")}${one.reason ? ` · ${one.reason}` : ""}</span></span></summary>
      <div class="doors inside"><button type="button" class="first" onClick=${() => setOpened(one)}>${t("own_deliveries")}</button>
        <${Sure} label=${t("own_remove")} act=${() => run(async () => { await api.call("DELETE", `/v1/webhook-endpoints/${one.id}`); await list.again(); })} /></div></details></li>`} />`;
}

function Deliveries({ api, endpoint, back }) {
  const path = `/v1/webhook-endpoints/${endpoint.id}/deliveries`;
  const list = useList(api, path);
  const [run, busy, trouble] = useWork();
  const again = (one) => run(async () => { await api.post(`${path}/${one.id}/resend`); await list.again(); });
  const came = ({ last_attempt: last }) => (last ? ` · ${last.http_status ?? last.error} · ${clock(last.at, { seconds: true })}` : "");
  return html`<${Title}>${t("own_deliveries")}<//><p class="id">${endpoint.url}</p>
    <div class="doors"><button type="button" class="second" onClick=${back}>${t("back")}</button><button type="button" class="second" onClick=${list.again}>${t("own_refresh")}</button></div>
    <${Trouble} reason=${trouble} />
    <${List} list=${list} empty=${t("own_no_deliveries")} row=${(one) => html`<li class="row" key=${one.id} data-delivery=${one.status}>
      <span><strong>${one.type}</strong><span class="fine">${t(`own_delivery_${one.status}`)} (${one.attempts})${came(one)}</span></span>
      <button type="button" class="second" disabled=${busy} onClick=${() => again(one)}>${t("own_resend")}</button></li>`} />`;
}
