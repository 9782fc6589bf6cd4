/** `@peculiar/x509` as a second opinion; it reads decorator metadata through a polyfill, of which this is the part it calls. */

const store = new WeakMap<object, Map<unknown, unknown>>();

function defineMetadata(key: unknown, value: unknown, target: object): void {
  const own = store.get(target) ?? new Map<unknown, unknown>();
  own.set(key, value);
  store.set(target, own);
}

const getOwnMetadata = (key: unknown, target: object): unknown => store.get(target)?.get(key);

function getMetadata(key: unknown, target: object): unknown {
  for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at)) {
    if (store.get(at)?.has(key) === true) return getOwnMetadata(key, at);
  }
  return undefined;
}

const metadata = (key: unknown, value: unknown) => (target: object) => defineMetadata(key, value, target);

Object.assign(Reflect, { defineMetadata, getOwnMetadata, getMetadata, metadata });

export const { Pkcs10CertificateRequest, X509Crl } = await import('@peculiar/x509');
