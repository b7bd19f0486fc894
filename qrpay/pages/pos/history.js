// What was paid on a day, found again by words, amount or reference; and the sum that should be in the books.
import { Problem } from "../lib/api.js";
import { clock, language, t } from "../lib/lang.js";
import { decimalText, exponentOf, money } from "../lib/money.js";
import { html, Icon, nameOf, Sum, Title, Trouble, useEffect, useState } from "../lib/view.js";

const PAGES_MAX = 20;

/** The day of a date as people here count it, as the API's two bounds. `day` is YYYY-MM-DD in local time. */
export function boundsOf(day) {
  const [year, month, date] = day.split("-").map(Number);
  return { from: new Date(year, month - 1, date).toISOString(), to: new Date(year, month - 1, date + 1).toISOString() };
}

/** Today as YYYY-MM-DD in local time. */
export function today(now = new Date()) {
  return [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

/** All orders of a query, page by page: {rows, whole}; `whole` is false when there were more than are added up here. */
export async function everyOrder(api, query) {
  const rows = [];
  for (let page = 0, cursor = null; page < PAGES_MAX; page += 1) {
    const answer = await api.get(`/v1/orders?${new URLSearchParams({ ...query, limit: "100", ...(cursor && { cursor }) })}`);
    rows.push(...answer.data);
    cursor = answer.next_cursor;
    if (!cursor) return { rows, whole: true };
  }
  return { rows, whole: false };
}

/** Whether an order answers to what was typed: a part of a word, of the reference, or the amount. */
function answers(row, typed) {
  const words = [row.description, row.reference, row.id, nameOf(row.payment?.payer), ...Object.values(row.metadata ?? {}),
    ...(row.lines ?? []).map((line) => line.name), decimalText(row.amount, exponentOf(row.currency))];
  return words.some((word) => word?.toLowerCase().includes(typed));
}

export function History({ api, session, currency, waiting, open }) {
  const [day, setDay] = useState(today());
  const [typed, setTyped] = useState("");
  const [found, setFound] = useState(null);
  const [trouble, setTrouble] = useState(null);
  useEffect(() => { load(); }, [day]);

  async function load() {
    setTrouble(null);
    setFound(null);
    try {
      setFound(await everyOrder(api, { status: "paid", ...boundsOf(day), ...(session.store && { store: session.store }) }));
    } catch (reason) {
      setTrouble(reason);
    }
  }

  // An order of any day is found by its whole id or reference.
  async function search(event) {
    event.preventDefault();
    const text = typed.trim();
    if (!text || shown.length > 0) return;
    setTrouble(null);
    try {
      open(await api.get(`/v1/orders/${/^ord_[0-9a-z]{26}$/i.test(text) ? text : `ref:${encodeURIComponent(text)}`}`));
    } catch (reason) {
      setTrouble(reason instanceof Problem && reason.status === 404 ? Object.assign(reason, { title: t("search_nothing"), detail: t("search_nothing_detail") }) : reason);
    }
  }

  const rows = found?.rows ?? [];
  const wanted = typed.trim().toLowerCase();
  const shown = wanted ? rows.filter((row) => answers(row, wanted)) : rows;
  const ours = rows.filter((row) => row.currency === currency);
  const total = ours.reduce((sum, row) => sum + row.amount - (row.refunded_amount ?? 0), 0);
  return html`<${Title}>${t("history_title")}<//>
    <form class="filters" role="search" onSubmit=${search}>
      <label class="field"><span>${t("day")}</span>
        <input type="date" value=${day} max=${today()} onChange=${(event) => event.target.value && setDay(event.target.value)} /></label>
      <label class="field"><span>${t("search")}</span>
        <input type="search" value=${typed} maxlength="64" onInput=${(event) => setTyped(event.target.value)} autocomplete="off" enterkeyhint="search" /></label>
    </form>
    ${waiting.length > 0 && html`<h2>${t("offline_waiting")}</h2><ul class="rows">${waiting.map((sale) => html`<li class="row" key=${sale.order} data-waits=${sale.order}>
      <span><strong>${sale.description || `···${sale.order.slice(-6)}`}</strong>
        <span class="fine">${clock(sale.made_at)} · ${sale.receipt ? t("offline_paid") : t("offline_unknown")}</span></span>
      <span class="sum">${money(sale.amount, sale.currency, language())}</span></li>`)}</ul>`}
    <${Trouble} reason=${trouble} again=${trouble?.unknown ? load : null} />
    ${!found && !trouble && html`<p class="fine" role="status">${t("loading")}</p>`}
    ${found && html`<section class="card balance"><p class="fine">${t("day_total", { count: ours.length })}</p>
      <${Sum} amount=${total} currency=${currency} data-total=${total} />
      ${!found.whole && html`<p class="fine">${t("today_partial", { count: rows.length })}</p>`}</section>`}
    ${found && shown.length === 0 && html`<p class="notice" role="status">${wanted ? t("search_none_that_day") : t("day_empty")}</p>`}
    <ul class="rows">${shown.map((row) => html`<li key=${row.id}><button type="button" class="row" onClick=${() => open(row)} data-order=${row.id}>
      <span><strong>${row.description || `···${row.reference.slice(-6)}`}</strong>
        <span class="fine">${clock(row.payment?.paid_at ?? row.created_at)} · ${nameOf(row.payment?.payer)}</span></span>
      <span class="sum">${money(row.amount, row.currency, language())}
        ${row.refunded_amount > 0 && html`<span class="fine"><${Icon} name="back" />−${money(row.refunded_amount, row.currency, language())}</span>`}</span>
    </button></li>`)}</ul>`;
}
