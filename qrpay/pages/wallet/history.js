// What was paid and what came back of it, newest first; each opens into its receipt.
import { clock, language, t } from "../lib/lang.js";
import { money } from "../lib/money.js";
import { html, nameOf, Title, Trouble, useEffect, useState } from "../lib/view.js";
import { Receipt } from "./receipt.js";

/** `limit` payments a page; the short list of the first screen is `bare`: no title, no more pages. */
export function History({ api, limit = 20, bare = false }) {
  const [rows, setRows] = useState(null);
  const [cursor, setCursor] = useState(null);
  const [trouble, setTrouble] = useState(null);
  const [open, setOpen] = useState(null);
  useEffect(() => { load(null); }, []);
  async function load(from) {
    setTrouble(null);
    try {
      const page = await api.get(`/v1/payments?limit=${limit}${from ? `&cursor=${encodeURIComponent(from)}` : ""}`);
      setRows((before) => [...(from ? before : []), ...page.data]);
      setCursor(page.next_cursor);
    } catch (reason) {
      setTrouble(reason);
    }
  }
  return html`${!bare && html`<${Title}>${t("history")}<//>`}
    <${Trouble} reason=${trouble} again=${() => load(rows ? cursor : null)} />
    ${rows?.length === 0 && !bare && html`<p class="notice" role="status">${t("history_empty")}</p>`}
    <ul class="rows">${rows?.map((row) => html`<li key=${row.order}>
      <button type="button" class="row" aria-expanded=${open === row.order} onClick=${() => setOpen(open === row.order ? null : row.order)}>
        <span><strong>${nameOf(row.payee)}</strong>
          <time class="fine" datetime=${row.paid_at}>${clock(row.paid_at, { date: true })}</time>
          ${row.refunded_amount > 0 && html`<span class="fine">${t("refunded")} +${money(row.refunded_amount, row.currency, language())}</span>`}</span>
        <span class="sum">−${money(row.amount, row.currency, language())}</span>
      </button>
      ${open === row.order && html`<${Receipt} api=${api} order=${row.order} />`}
    </li>`)}</ul>
    ${cursor && !bare && html`<button type="button" class="second wide" onClick=${() => load(cursor)}>${t("more")}</button>`}`;
}
