// People of the bank and their roles; and one's own passkeys.
import { t } from "../lib/lang.js";
import { html, Title, Trouble, useState } from "../lib/view.js";
import { useWork, valuesOf } from "./gate.js";
import { addPasskey } from "./passkeys.js";
import { Link, Reason, useList, when } from "./pieces.js";

const ROLES = ["clerk", "approver", "auditor", "administrator"];

export function People({ api, me, find }) {
  const [people, again, trouble] = useList(api, "/v1/operators/people");
  const [said, setSaid] = useState("");
  const [open, setOpen] = useState(null);
  const may = me.duties.includes("administer");
  return html`<section class="panel">
    <${Title}>${t("op_tab_people")}<//>
    <${Passkeys} api=${api} />
    <p class="news" role="status">${said}</p>
    <${Trouble} reason=${trouble} again=${again} />
    <ul class="rows">${(people ?? []).map((one) => html`<li key=${one.id} data-person=${one.name}>
      <div class="row"><span><strong>${one.name}</strong><${Link} id=${one.id} find=${find} /></span>
        <span class="fine">${t(`role_${one.role}`)} · ${t(`op_${one.state}`)}${one.id === me.id && html` · ${t("op_you")}`}</span>
        ${may && one.id !== me.id && one.state !== "left" && html`<button type="button" class="second" onClick=${() => setOpen(open === one.id ? null : one.id)}>${t("op_new_role")}</button>`}</div>
      ${open === one.id && html`<${Role} api=${api} one=${one} done=${() => { setOpen(null); setSaid(t("op_proposed")); again(); }} />`}
    </li>`)}</ul>
  </section>`;
}

function Role({ api, one, done }) {
  const [run, busy, trouble] = useWork();
  const submit = (event) => {
    event.preventDefault();
    const ask = valuesOf(event.target);
    run(async () => { await api.post(`/v1/operators/people/${one.id}/role`, ask); done(); });
  };
  return html`<form class="inside" onSubmit=${submit}>
    <label class="field"><span>${t("op_new_role")}</span><select name="role">
      ${ROLES.filter((role) => role !== one.role).map((role) => html`<option value=${role}>${t(`role_${role}`)}</option>`)}</select></label>
    <${Reason} /><button class="first" disabled=${busy}>${t("op_propose")}</button><${Trouble} reason=${trouble} />
  </form>`;
}

function Passkeys({ api }) {
  const [keys, again, unread] = useList(api, "/v1/operators/passkeys");
  const [run, busy, trouble] = useWork();
  const add = (event) => {
    event.preventDefault();
    const form = event.target;
    run(async () => { await addPasskey(api, valuesOf(form).name); form.reset(); await again(); });
  };
  const remove = (id) => run(async () => { await api.call("DELETE", `/v1/operators/passkeys/${id}`); await again(); });
  return html`<section class="card panel">
    <h2>${t("op_passkeys")}</h2>
    ${keys?.length === 0 && html`<p class="fine">${t("op_passkey_none")}</p>`}
    <ul class="rows">${(keys ?? []).map((one) => html`<li key=${one.id} data-passkey=${one.name}><div class="row">
      <span><strong>${one.name}</strong><span class="fine">${when(one.used_at ?? one.created_at)}</span></span>
      <button type="button" class="quiet danger" onClick=${() => remove(one.id)}>${t("op_remove")}</button></div></li>`)}</ul>
    <form onSubmit=${add}><label class="field"><span>${t("op_passkey_name")}</span><input name="name" required maxlength="64" autocomplete="off" /></label>
      <button class="second" disabled=${busy}>${t("op_passkey_add")}</button></form>
    <${Trouble} reason=${trouble ?? unread} />
  </section>`;
}
