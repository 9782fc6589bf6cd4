/** Who speaks on the broker: the certificate subject spelled and read in one place. Pure. */

/** An organisation's immutable slug: 1-27 characters, so that `{org}/{uuid}` fits the 64 characters of a CN. */
export const ORG_SLUG = /^[a-z0-9](?:[a-z0-9-]{0,25}[a-z0-9])?$/;
/** Lower-case UUID of any version. */
export const DEVICE_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** Name of a service or an integrator: as a slug, at most 20 characters. */
export const PRINCIPAL_NAME = /^[a-z0-9](?:[a-z0-9-]{0,18}[a-z0-9])?$/;

/** Slugs that would collide with a fixed level of the topic tree, a certificate kind or a URL. */
export const RESERVED_SLUGS: ReadonlySet<string> = new Set([
  'up',
  'down',
  'events',
  'service',
  'system',
  'integrations',
]);

export const PRINCIPAL_KINDS = ['device', 'integration', 'service'] as const;
export type PrincipalKind = (typeof PRINCIPAL_KINDS)[number];

/** Where a device lives in the topic tree. */
export interface DeviceAddress {
  readonly org: string;
  readonly device: string;
}

/** The identity that a verified client certificate gives its holder. */
export type Principal =
  | { readonly kind: 'device'; readonly org: string; readonly device: string }
  | { readonly kind: 'integration'; readonly org: string; readonly name: string }
  | { readonly kind: 'service'; readonly name: string };

export const isOrgSlug = (text: string): boolean => ORG_SLUG.test(text) && !RESERVED_SLUGS.has(text);
export const isDeviceId = (text: string): boolean => DEVICE_ID.test(text);

/** Subject CN; also the only MQTT client id that the principal may use (services may add `#suffix`-free names of their own). */
export function commonNameOf(principal: Principal): string {
  switch (principal.kind) {
    case 'device':
      return `${principal.org}/${principal.device}`;
    case 'integration':
      return `${principal.org}/integrations/${principal.name}`;
    case 'service':
      return `service/${principal.name}`;
  }
}

/** Subject O. */
export const organizationNameOf = (principal: Principal): string =>
  principal.kind === 'service' ? 'service' : principal.org;

/** SAN URI, authoritative for our own code. */
export function identityUriOf(principal: Principal): string {
  switch (principal.kind) {
    case 'device':
      return `urn:edge:${principal.org}:${principal.device}`;
    case 'integration':
      return `urn:edge:${principal.org}:integrations:${principal.name}`;
    case 'service':
      return `urn:edge:service:${principal.name}`;
  }
}

/** Inverse of `identityUriOf`; null for every other string. */
export function parseIdentityUri(uri: string): Principal | null {
  const [urn, edge, first, second, third, ...rest] = uri.split(':');
  if (urn !== 'urn' || edge !== 'edge' || rest.length > 0) return null;
  if (first === undefined || second === undefined) return null;
  if (first === 'service') {
    return third === undefined && PRINCIPAL_NAME.test(second) ? { kind: 'service', name: second } : null;
  }
  if (!isOrgSlug(first)) return null;
  if (second === 'integrations') {
    return third !== undefined && PRINCIPAL_NAME.test(third)
      ? { kind: 'integration', org: first, name: third }
      : null;
  }
  return third === undefined && isDeviceId(second) ? { kind: 'device', org: first, device: second } : null;
}

/** Inverse of `commonNameOf`; null for every other string. */
export function parseCommonName(commonName: string): Principal | null {
  const [first, second, third, ...rest] = commonName.split('/');
  if (first === undefined || second === undefined || rest.length > 0) return null;
  if (first === 'service') {
    return third === undefined ? parseIdentityUri(`urn:edge:service:${second}`) : null;
  }
  return parseIdentityUri(
    third === undefined ? `urn:edge:${first}:${second}` : `urn:edge:${first}:${second}:${third}`,
  );
}
