/** Where an organisation's secrets lie at an outside provider: below its own folder, and nowhere else. Pure. */

const MAX_PATH_CHARACTERS = 300;
/** No percent sign, no backslash, no blank: nothing that a server could read as another path. */
const SEGMENT = /^[A-Za-z0-9_.@+=-]{1,128}$/;

/** Null where the path could leave the folder; else the whole path below the provider's mount. */
export function secretPath(prefix: string, orgSlug: string, path: string): string | null {
  if (path.length > MAX_PATH_CHARACTERS) return null;
  const segments = path.split('/');
  const isInside = segments.every((segment) => SEGMENT.test(segment) && !/^\.+$/.test(segment));
  return isInside ? [prefix.replace('{org}', orgSlug), ...segments].join('/') : null;
}
