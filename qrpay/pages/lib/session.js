// Who is using this page: read once from the address's fragment, kept for this tab, then gone from the address.
// A fragment never reaches a server or its log, which is why credentials may arrive in one.

/** Read the named values from `#name=value&…` into this tab's storage; strip them from the address. */
export function takeFromFragment(page, names) {
  const kept = read(page);
  // Another link to this page, opened in the same tab, changes the fragment alone: it begins anew with what that carries.
  addEventListener("hashchange", () => location.reload(), { once: true });
  const fragment = new URLSearchParams(location.hash.slice(1));
  const found = names.filter((name) => fragment.get(name));
  if (found.length > 0) {
    for (const name of found) kept[name] = fragment.get(name).trim();
    save(page, kept);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return kept;
}

/** What this tab keeps for a page; an empty object when there is nothing. */
export function read(page) {
  return stored(sessionStorage, `qrpay.${page}`, {});
}

export function save(page, values) {
  keep(sessionStorage, `qrpay.${page}`, values);
}

export function forget(page) {
  sessionStorage.removeItem(`qrpay.${page}`);
}

/** A JSON value from a browser storage; `otherwise` where it is missing or broken. */
export function stored(storage, key, otherwise) {
  try {
    return JSON.parse(storage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Keep a JSON value. A full or forbidden storage is no reason to stop taking payments. */
export function keep(storage, key, value) {
  try {
    storage.setItem(key, JSON.stringify(value));
  } catch (reason) {
    console.warn("not kept", key, reason.name);
  }
}
