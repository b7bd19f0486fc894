// What must outlive a page and is more than a setting: keys that cannot be read out, and sales nobody has counted yet.
const NAME = "qrpay.till";
const STORES = ["keys", "sales"];
let opening = null;

function opened() {
  opening ??= new Promise((done, fail) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => STORES.forEach((name) => asked.result.createObjectStore(name));
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => fail(asked.error);
  });
  return opening;
}

async function within(name, mode, work) {
  const database = await opened();
  return new Promise((done, fail) => {
    const act = database.transaction(name, mode, { durability: "strict" });
    const asked = work(act.objectStore(name));
    act.oncomplete = () => done(asked.result);
    act.onabort = act.onerror = () => fail(act.error);
  });
}

/** The value under a key, or null. */
export async function find(name, key) {
  return (await within(name, "readonly", (store) => store.get(key))) ?? null;
}

/** All values of a store, in the order of their keys. */
export function all(name) {
  return within(name, "readonly", (store) => store.getAll());
}

/** Keep a value; returns once it is on disk, as far as the browser can say so. */
export function put(name, key, value) {
  return within(name, "readwrite", (store) => store.put(value, key));
}

export function remove(name, key) {
  return within(name, "readwrite", (store) => store.delete(key));
}
