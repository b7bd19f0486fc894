// Today: what came in, hour by hour, and by till and person.
import { language, t } from "../lib/lang.js";
import { money } from "../lib/money.js";
import { html, Sum, Title, Trouble, useEffect, useState } from "../lib/view.js";
import { boundsOf, everyOrder, today } from "../pos/history.js";
import { DayTotals } from "../pos/shift.js";
import { useWork } from "./pieces.js";

const [WIDTH, HEIGHT, FOOT] = [360, 140, 18];

export function Today({ api }) {
  const [day, setDay] = useState(today());
  const [seen, setSeen] = useState(null);
  const [run, , trouble] = useWork();
  useEffect(() => { load(); }, [day]);
  const load = () => run(async () => {
    const bounds = boundsOf(day);
    const [totals, orders] = await Promise.all([
      api.get(`/v1/till-totals?${new URLSearchParams(bounds)}`), everyOrder(api, { status: "paid", ...bounds }),
    ]);
    setSeen({ totals: totals.data, ...orders });
  });
  const currencies = [...new Set(seen?.totals.map((one) => one.currency) ?? [])];
  const sumOf = (currency, name) => seen.totals.filter((one) => one.currency === currency).reduce((sum, one) => sum + one[name], 0);
  return html`<${Title}>${t("own_tab_today")}<//>
    <label class="field"><span>${t("day")}</span><input type="date" value=${day} max=${today()} onChange=${(event) => event.target.value && setDay(event.target.value)} /></label>
    <${Trouble} reason=${trouble} again=${load} />
    ${seen && currencies.length === 0 && html`<p class="notice" role="status">${t("day_empty")}</p>`}
    ${currencies.map((currency) => html`<section class="card balance" key=${currency}>
      <p class="fine">${t("day_total", { count: sumOf(currency, "payments") })}</p>
      <${Sum} amount=${sumOf(currency, "amount") - sumOf(currency, "refunded")} currency=${currency} data-day=${sumOf(currency, "amount") - sumOf(currency, "refunded")} />
      <${Hours} rows=${seen.rows.filter((row) => row.currency === currency)} currency=${currency} />
      ${!seen.whole && html`<p class="fine">${t("today_partial", { count: seen.rows.length })}</p>`}
    </section>`)}
    ${seen && html`<${DayTotals} totals=${seen.totals} />`}`;
}

/** Bars of what was paid in each hour of the day, as a picture and, for whoever cannot see it, as a table. */
function Hours({ rows, currency }) {
  const hours = Array.from({ length: 24 }, () => 0);
  for (const row of rows) hours[new Date(row.payment.paid_at).getHours()] += row.amount;
  const most = Math.max(1, ...hours);
  const step = WIDTH / 24;
  const height = (amount) => (amount > 0 ? Math.max(2, (amount / most) * (HEIGHT - FOOT - 4)) : 0);
  const sum = (amount) => money(amount, currency, language());
  return html`<svg class="plot" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label=${t("own_plot", { amount: sum(most) })}>
      <path class="axis" d="M0 ${HEIGHT - FOOT}H${WIDTH}" />
      ${hours.map((amount, hour) => html`<rect class="bar" x=${hour * step + 2} y=${HEIGHT - FOOT - height(amount)} width=${step - 4} height=${height(amount)} rx="2">
        <title>${hour}:00 · ${sum(amount)}</title></rect>`)}
      ${[0, 6, 12, 18].map((hour) => html`<text x=${hour * step + 2} y=${HEIGHT - 4}>${hour}:00</text>`)}
    </svg>
    <details><summary>${t("own_as_table")}</summary><table class="sums"><tbody>${hours.map((amount, hour) => amount > 0 && html`<tr><th scope="row">${hour}:00</th><td>${sum(amount)}</td></tr>`)}</tbody></table></details>`;
}
