// What was paid today, and the sum that should be in the books.
import { clock, language, t } from "../lib/lang.js";
import { money } from "../lib/money.js";
import { html, nameOf, Sum, Title, Trouble, useEffect, useState } from "../lib/view.js";

const PAGES_MAX = 20;

export function Today({ api, session, currency }) {
  const [rows, setRows] = useState(null);
  const [whole, setWhole] = useState(true);
  const [trouble, setTrouble] = useState(null);
  useEffect(() => { load(); }, []);

  async function load() {
    setTrouble(null);
    const midnight = new Date();
    midnight.setHours(0, 0, 0, 0);
    const query = new URLSearchParams({ status: "paid", limit: "100", from: midnight.toISOString(), ...(session.store && { store: session.store }) });
    try {
      const found = [];
      let cursor = null;
      for (let page = 0; page < PAGES_MAX; page += 1) {
        if (cursor) query.set("cursor", cursor);
        const answer = await api.get(`/v1/orders?${query}`);
        found.push(...answer.data);
        cursor = answer.next_cursor;
        if (!cursor) break;
      }
      setWhole(!cursor);
      setRows(found);
    } catch (reason) {
      setTrouble(reason);
    }
  }

  const ours = rows?.filter((row) => row.currency === currency) ?? [];
  const total = ours.reduce((sum, row) => sum + row.amount - (row.refunded_amount ?? 0), 0);
  return html`<${Title}>${t("today")}<//>
    <${Trouble} reason=${trouble} again=${load} />
    ${rows && html`<section class="card balance"><p class="fine">${t("today_total", { count: ours.length })}</p>
      <${Sum} amount=${total} currency=${currency} data-total=${total} />
      ${!whole && html`<p class="fine">${t("today_partial", { count: rows.length })}</p>`}</section>`}
    ${rows?.length === 0 && html`<p class="notice" role="status">${t("today_empty")}</p>`}
    <ul class="rows">${rows?.map((row) => html`<li key=${row.id} class="row">
      <span><strong>${row.description || `···${row.reference.slice(-6)}`}</strong>
        <span class="fine">${clock(row.payment?.paid_at ?? row.created_at)} · ${nameOf(row.payment?.payer)}</span></span>
      <span class="sum">${money(row.amount, row.currency, language())}
        ${row.refunded_amount > 0 && html`<span class="fine">−${money(row.refunded_amount, row.currency, language())}</span>`}</span>
    </li>`)}</ul>`;
}
