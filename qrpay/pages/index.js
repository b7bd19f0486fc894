// The front door: ways on.
import { t } from "./lib/lang.js";
import { Head, html, Icon, mount, Title } from "./lib/view.js";

const DOORS = [["wallet", "scan"], ["pos", "mark"], ["owner", "till"], ["apply", "share"], ["docs", "list"]];

function Index() {
  return html`<${Head} name="qrpay" />
    <${Title}>${t("index_title")}<//>
    ${DOORS.map(([name, icon]) => html`<a class="card row way" href="/${name}" key=${name}><${Icon} name=${icon} />
      <span><strong>${t(name)}</strong><span class="fine">${t(`index_${name}`)}</span></span></a>`)}`;
}

mount(Index);
