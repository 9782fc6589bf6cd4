/** Where a browser may be sent after signing in: pages of the console, nothing else. Pure. */

export const DEFAULT_RETURN_PATH = '/';
const MAX_CHARACTERS = 1000;
/** No backslash, no `//`, no encoded slash, nothing that a browser strips or reads as the start of a host. */
const PATH = /^\/(?:admin(?:\/[A-Za-z0-9._~-]+)*\/?)?$/;
const REST = /^[A-Za-z0-9._~!$'()*+,;:@/?%&=-]*$/;

/** The path as given, or null where it leads elsewhere. Undefined is the console's first page. */
export function returnPathOf(text: string | undefined): string | null {
  if (text === undefined) return DEFAULT_RETURN_PATH;
  if (text.length > MAX_CHARACTERS) return null;
  const end = text.search(/[?#]/);
  const path = end === -1 ? text : text.slice(0, end);
  const rest = end === -1 ? '' : text.slice(end + 1).replace('#', '?');
  const isOwn = PATH.test(path) && REST.test(rest) && !path.split('/').some((part) => /^\.+$/.test(part));
  return isOwn ? text : null;
}
