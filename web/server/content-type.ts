/**
 * Which bodies are read at all. Stricter than the framework's own matching, whose history of tabs, leading spaces
 * and trailing text (CVE-2026-25223, -33806, -3419) let bodies past their schema. Pure.
 */

const PARAMETER = /^[ ]*;[ ]*charset=("?)utf-8\1[ ]*$/i;

/** Whether the header is exactly one of `accepted`, at most with `charset=utf-8`. */
export function isAcceptedContentType(header: string, accepted: readonly string[]): boolean {
  const separator = header.search(/[ ;]/);
  const mediaType = separator === -1 ? header : header.slice(0, separator);
  const parameter = separator === -1 ? '' : header.slice(separator);
  return accepted.includes(mediaType.toLowerCase()) && (parameter === '' || PARAMETER.test(parameter));
}
