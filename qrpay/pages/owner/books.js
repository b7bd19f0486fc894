// What is owed and what was paid out.
import { language, t } from "../lib/lang.js";
import { money } from "../lib/money.js";
import { html, Title, Trouble, useEffect, useState } from "../lib/view.js";
import { List, useList, useWork } from "./pieces.js";

export function Books({ api }) {
  const list = useList(api, "/v1/settlements");
  const [balances, setBalances] = useState([]);
  const [run, , trouble] = useWork();
  useEffect(() => { run(async () => setBalances((await api.get("/v1/balance")).data)); }, []);
  return html`<${Title}>${t("own_tab_books")}<//>
    <${Trouble} reason=${trouble} />
    ${balances.map((one) => html`<section class="card balance" key=${one.currency}><p class="fine">${t("own_owed")}</p>
      <p class="amount long">${money(one.balance.available, one.currency, language())}</p></section>`)}
    <${List} list=${list} empty=${t("own_no_settlements")} row=${(one) => html`<li key=${one.id}><details class="inside-row"><summary class="row">
        <span><strong>${one.business_date}</strong><span class="fine">${t(`own_settled_${one.status}`)}${one.reason ? ` · ${one.reason}` : ""}</span></span>
        <span class="sum">${money(one.amount, one.currency, language())}</span></summary>
      <dl class="inside">${one.lines.map((line) => html`<dt>${line.kind} (${line.count})</dt><dd>${line.direction === "debit" ? "−" : ""}${money(line.amount, one.currency, language())}</dd>`)}
        <dt>${t("own_opening")}</dt><dd>${money(one.opening, one.currency, language())}</dd><dt>${t("own_closing")}</dt><dd>${money(one.closing, one.currency, language())}</dd>
        ${one.payout && html`<dt>${t("own_payout")}</dt><dd>${one.payout.name} ${one.payout.account}</dd>`}</dl></details></li>`} />`;
}
