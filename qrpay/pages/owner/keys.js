// Secret keys: made and shown once, rotated with a day's overlap, revoked.
import { clock, t } from "../lib/lang.js";
import { html, Title, Trouble, useState } from "../lib/view.js";
import { Adder, List, Once, Sure, useList, useWork } from "./pieces.js";

export function SecretKeys({ api }) {
  const list = useList(api, "/v1/keys");
  const [once, setOnce] = useState(null);
  const [run, , trouble] = useWork();
  const shown = async (asked) => {
    const made = await asked;
    setOnce({ label: made.name || t("secret_key"), text: made.secret_key });
    await list.again();
  };
  const state = (one) => (one.revoked_at ? t("own_key_revoked") : one.expires_at ? t("own_until", { time: clock(one.expires_at, { date: true }) }) : t("own_key_active"));
  return html`<${Title}>${t("own_tab_keys")}<//>
    ${once && html`<${Once} ...${once} close=${() => setOnce(null)} />`}
    <${Trouble} reason=${trouble} />
    <${Adder} label=${t("own_new_key")} done=${(given) => run(() => shown(api.post("/v1/keys", given)))} fields=${[
      { name: "name", label: t("item_name"), required: true },
      { name: "role", label: t("own_role"), choices: [["owner", t("owner")], ["reader", t("own_role_reader")]] },
    ]} />
    <${List} list=${list} empty="" row=${(one) => html`<li key=${one.id} data-key=${one.last_four}><details class="inside-row"><summary class="row">
      <span><strong>${one.name || t("secret_key")}</strong><span class="fine">····${one.last_four} · ${t(`own_role_${one.role}`)} · ${state(one)}</span></span></summary>
      ${!one.revoked_at && html`<div class="doors inside">
        ${["owner", "reader"].includes(one.role) && html`<button type="button" class="second" onClick=${() => run(() => shown(api.post(`/v1/keys/${one.id}/rotate`)))}>${t("own_rotate")}</button>`}
        <${Sure} label=${t("own_revoke")} act=${() => run(async () => { await api.post(`/v1/keys/${one.id}/revoke`); await list.again(); })} /></div>`}</details></li>`} />`;
}
