// Items and the cart: one press an item, quantity by plus and minus, then table, tax and tip, and the two ways to be paid.
import { language, t } from "../lib/lang.js";
import { decimalText, exponentOf, money, parseAmount, symbolOf } from "../lib/money.js";
import { html, Icon, Sheet, Sum, Title, useState } from "../lib/view.js";
import { basisPoints, more, sums } from "./basket.js";

const TIPS = [0, "5%", "10%", "15%"];

export function Cart({ basket, cart, setCart, currency, show, customer }) {
  const [items, setItems] = useState(basket.items);
  const [editing, setEditing] = useState(null);
  const total = sums(cart);
  const sum = (amount) => money(amount, currency, language());
  const save = (item, of) => {
    const next = of ? items.flatMap((other) => (other === of ? (item ? [item] : []) : [other])) : [...items, item];
    basket.items = next;
    setItems(next);
    setEditing(null);
  };
  const wrongRate = cart.rate !== "" && basisPoints(cart.rate) === null;
  return html`<section class="till cart"><${Title}>${t("items")}<//>
    <div class="tiles" role="group" aria-label=${t("items")}>
      ${items.map((item) => html`<button type="button" class="key tile" key=${item.name} onClick=${() => setCart(more(cart, item))}>
        <span>${item.name}</span><span class="fine">${sum(item.unit_price)}</span></button>`)}
      <button type="button" class="quiet tile" onClick=${() => setEditing({})}>${t("item_new")}</button>
    </div>
    ${items.length > 0 && html`<details><summary>${t("items_change")}</summary><ul class="rows">${items.map((item) => html`<li key=${item.name}>
      <button type="button" class="row" onClick=${() => setEditing({ item })}><span>${item.name}</span><span class="sum">${sum(item.unit_price)}</span></button></li>`)}</ul></details>`}
    ${cart.lines.length === 0 && html`<p class="notice" role="status">${t("cart_empty")}</p>`}
    <ul class="rows" aria-label=${t("cart")}>${cart.lines.map((line) => html`<li class="row" key=${`${line.name} ${line.unit_price}`} data-line=${line.name}>
      <span><strong>${line.name}</strong><span class="fine">${sum(line.unit_price * line.quantity)}</span></span>
      <span class="steps"><button type="button" class="second" aria-label=${t("one_less", { name: line.name })} onClick=${() => setCart(more(cart, line, -1))}>−</button>
        <output>${line.quantity}</output>
        <button type="button" class="second" aria-label=${t("one_more", { name: line.name })} onClick=${() => setCart(more(cart, line))}>+</button></span></li>`)}</ul>
    ${cart.lines.length > 0 && html`
      <div class="filters">
        <label class="field"><span>${t("table_or_ticket")}</span>
          <input value=${cart.table} maxlength="20" autocomplete="off" onInput=${(event) => setCart({ ...cart, table: event.target.value.trim() })} /></label>
        <label class="field"><span>${t("tax_rate")}</span>
          <input value=${cart.rate} maxlength="6" inputmode="decimal" autocomplete="off" aria-invalid=${String(wrongRate)}
            onInput=${(event) => setCart({ ...cart, rate: event.target.value.trim().replace(",", ".") })} /></label>
      </div>
      ${wrongRate && html`<p class="bad-text" role="alert">${t("tax_rate_wrong")}</p>`}
      ${cart.rate && html`<label class="check"><input type="checkbox" checked=${cart.included} onChange=${(event) => setCart({ ...cart, included: event.target.checked })} />${t("tax_included")}</label>`}
      <${Tip} cart=${cart} setCart=${setCart} currency=${currency} goods=${total.goods} />
      <section class="card balance" aria-live="polite"><p class="fine">${[
        `${t("goods")} ${sum(total.goods)}`, total.tax > 0 && `${t(cart.included ? "tax_inside" : "tax")} ${sum(total.tax)}`, total.tip > 0 && `${t("tip")} ${sum(total.tip)}`,
      ].filter(Boolean).join(" · ")}</p><${Sum} amount=${total.amount ?? 0} currency=${currency} data-cart=${total.amount ?? 0} /></section>
      <div class="doors">
        <button type="button" class="first door" disabled=${!total.amount || wrongRate} onClick=${show}><${Icon} name="mark" />${t("show_code")}</button>
        <button type="button" class="second door" disabled=${!total.amount || wrongRate} onClick=${customer}><${Icon} name="scan" />${t("scan_customer")}</button>
      </div>
      <button type="button" class="quiet" onClick=${() => setCart(basket.empty)}>${t("cart_clear")}</button>`}
    ${editing && html`<${ItemSheet} was=${editing.item} currency=${currency} save=${save} close=${() => setEditing(null)} />`}
  </section>`;
}

function Tip({ cart, setCart, currency, goods }) {
  const own = typeof cart.tip === "number" && cart.tip > 0;
  const tip = (value) => setCart({ ...cart, tip: value });
  return html`<fieldset class="tips"><legend>${t("tip")}</legend>
    ${TIPS.map((choice) => html`<button type="button" class="second" key=${choice} aria-pressed=${String(cart.tip === choice)} onClick=${() => tip(choice)}
      aria-label=${choice === 0 ? t("tip_none") : `${t("tip")} ${choice}, ${money(sums({ ...cart, tip: choice }).tip, currency, language())}`}>
      ${choice === 0 ? t("tip_none") : choice}</button>`)}
    <label class="field"><span class="unseen">${t("tip_own")}</span>
      <input inputmode="decimal" autocomplete="off" placeholder=${t("tip_other")} key=${own ? "own" : "none"} defaultValue=${own ? decimalText(cart.tip, exponentOf(currency)) : ""}
        onChange=${(event) => tip(parseAmount(event.target.value || "0", currency) ?? 0)} /></label>
  </fieldset>`;
}

function ItemSheet({ was, currency, save, close }) {
  const [price, setPrice] = useState(was ? decimalText(was.unit_price, exponentOf(currency)) : "");
  const amount = parseAmount(price || "0", currency);
  const submit = (event) => {
    event.preventDefault();
    const { name, sku } = Object.fromEntries(new FormData(event.target));
    if (amount && name.trim()) save({ name: name.trim(), unit_price: amount, ...(sku.trim() && { sku: sku.trim() }) }, was);
  };
  return html`<${Sheet} label=${t("item_new")} close=${close}>
    <form onSubmit=${submit}>
      <label class="field"><span>${t("item_name")}</span><input name="name" required maxlength="64" autocomplete="off" defaultValue=${was?.name ?? ""} /></label>
      <label class="field big"><span>${t("item_price")}</span>
        <span class="with-symbol">${symbolOf(currency, language())}<input inputmode="decimal" required autocomplete="off" value=${price} onInput=${(event) => setPrice(event.target.value)} /></span></label>
      <label class="field"><span>${t("item_sku")}</span><input name="sku" maxlength="64" autocomplete="off" defaultValue=${was?.sku ?? ""} /></label>
      ${price && !amount && html`<p class="bad-text" role="alert">${t("amount_wrong")}</p>`}
      <button class="first" disabled=${!amount}>${t("item_save")}</button>
      ${was && html`<button type="button" class="second danger" onClick=${() => save(null, was)}>${t("item_remove")}</button>`}
      <button type="button" class="second" onClick=${close}>${t("not_now")}</button>
    </form>
  <//>`;
}
