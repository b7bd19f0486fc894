// Codes for walls and tables: made, printed on a sheet, withdrawn.
import { language, t } from "../lib/lang.js";
import { money, parseAmount } from "../lib/money.js";
import { html, Title, Trouble } from "../lib/view.js";
import { newReference } from "../pos/till.js";
import { Adder, List, Sure, useList, useWork } from "./pieces.js";

export function StaticCodes({ api }) {
  const list = useList(api, "/v1/static-codes");
  const [run, , trouble] = useWork();
  const add = ({ label, amount }) => run(async () => {
    const fixed = amount === "" ? null : parseAmount(amount, "CNY");
    if (amount !== "" && fixed === null) throw new Error(t("amount_wrong"));
    await api.post("/v1/static-codes", { reference: newReference("C-"), label, currency: "CNY", ...(fixed && { amount: fixed }) });
    await list.again();
  });
  // A sheet needs the key, so it is fetched here and handed over as a file.
  const sheet = (one, size) => run(async () => {
    const file = URL.createObjectURL(await api.file(`/v1/static-codes/${one.id}/sheet.pdf?size=${size}`));
    const link = Object.assign(document.createElement("a"), { href: file, download: `${one.label ?? one.reference}-${size}.pdf` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(file), 60_000);
  });
  return html`<${Title}>${t("own_tab_codes")}<//>
    <${Trouble} reason=${trouble} />
    <${Adder} label=${t("own_new_static")} done=${add} fields=${[
      { name: "label", label: t("own_label"), required: true, like: t("own_label_like") }, { name: "amount", label: t("own_fixed"), max: 14, mode: "decimal" },
    ]} />
    <${List} list=${list} empty=${t("own_no_codes")} row=${(one) => html`<li key=${one.id} data-static=${one.label}><details class="inside-row"><summary class="row">
      <span><strong>${one.label ?? one.reference}</strong><span class="fine">${t("own_check_code", { code: one.check_code })} · ${t(`own_code_${one.status}`)}</span></span>
      <span class="sum">${one.amount === null ? "" : money(one.amount, one.currency, language())}</span></summary>
      ${one.status === "active" && html`<div class="doors inside"><button type="button" class="first" onClick=${() => sheet(one, "a6")}>${t("own_sheet", { size: "A6" })}</button>
        <button type="button" class="second" onClick=${() => sheet(one, "a4")}>${t("own_sheet", { size: "A4" })}</button>
        <${Sure} label=${t("own_withdraw")} act=${() => run(async () => { await api.post(`/v1/static-codes/${one.id}/revoke`); await list.again(); })} /></div>`}</details></li>`} />`;
}
