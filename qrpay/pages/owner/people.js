// Who works at the tills: taken on with a number, a role and a limit; a new code; gone.
import { language, t } from "../lib/lang.js";
import { money, parseAmount } from "../lib/money.js";
import { html, Title, Trouble, useState } from "../lib/view.js";
import { Adder, List, Once, Sure, useList, useWork } from "./pieces.js";

const CURRENCY = "CNY";

export function People({ api }) {
  const list = useList(api, "/v1/staff");
  const [once, setOnce] = useState(null);
  const [run, , trouble] = useWork();
  const add = ({ number, name, role, limit }) => run(async () => {
    const refund_max = limit === "" ? null : limit === "0" ? 0 : parseAmount(limit, CURRENCY);
    if (limit !== "" && refund_max === null) throw new Error(t("amount_wrong"));
    const made = await api.post("/v1/staff", { number, name, role, refund_max });
    setOnce({ label: t("own_code_of", { name: made.name, number: made.number }), text: made.code });
    await list.again();
  });
  const renew = (one) => run(async () => {
    const made = await api.post(`/v1/staff/${one.id}`, { renew_code: true });
    setOnce({ label: t("own_code_of", { name: made.name, number: made.number }), text: made.code });
  });
  const remove = (one) => run(async () => { await api.call("DELETE", `/v1/staff/${one.id}`); await list.again(); });
  const limitOf = (one) => (one.refund_max === null ? t(one.role === "manager" ? "own_any_refund" : "own_no_refund") : t("own_refund_max", { amount: money(one.refund_max, CURRENCY, language()) }));
  return html`<${Title}>${t("own_tab_people")}<//>
    ${once && html`<${Once} ...${once} close=${() => setOnce(null)} />`}
    <${Trouble} reason=${trouble} />
    <${Adder} label=${t("own_new_staff")} done=${add} fields=${[
      { name: "number", label: t("own_number"), required: true, max: 6, mode: "numeric", pattern: "[0-9]{1,6}" }, { name: "name", label: t("item_name"), required: true },
      { name: "role", label: t("own_role"), choices: [["cashier", t("own_role_cashier")], ["manager", t("own_role_manager")]] },
      { name: "limit", label: t("own_limit"), max: 14, mode: "decimal" },
    ]} />
    <${List} list=${list} empty=${t("own_no_staff")} row=${(one) => html`<li key=${one.id} data-staff=${one.number}><details class="inside-row"><summary class="row">
      <span><strong>${one.name}</strong><span class="fine">${one.number} · ${t(`own_role_${one.role}`)} · ${limitOf(one)}</span></span></summary>
      <div class="doors inside"><button type="button" class="second" onClick=${() => renew(one)}>${t("own_new_code")}</button>
        <${Sure} label=${t("own_remove")} act=${() => remove(one)} /></div></details></li>`} />`;
}
