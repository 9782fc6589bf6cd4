/** Hits of all rules made one row without overlaps, and the text without them. Pure. */

/** UTF-16 units of the given text, end excluded. */
export interface Hit {
  readonly rule: string;
  readonly start: number;
  readonly end: number;
}

export const MARKER_OPENING = '[redacted:';
const MARKER = /\[redacted:[a-z][a-z0-9_-]{0,39}\]/g;

export function markerOf(rule: string): string {
  return `${MARKER_OPENING}${rule}]`;
}

/** Whether [start, end) of text is one marker and nothing else. */
export const isMarker = (text: string, start: number, end: number): boolean =>
  text.startsWith(MARKER_OPENING, start) && text.indexOf(']', start) === end - 1;

/**
 * In order, overlapping ones as one hit under the longest one's name. What stands in for an earlier hit is never hit again,
 * so that the device and the ingest may both look at a text.
 */
export function settleHits(text: string, found: readonly Hit[], hasMarkers: boolean): Hit[] {
  const sorted = [...found].sort((left, right) => left.start - right.start || right.end - left.end);
  const merged: Hit[] = [];
  let nameLength = 0;
  for (const hit of sorted) {
    if (hit.end <= hit.start) continue;
    const last = merged.at(-1);
    if (last === undefined || hit.start >= last.end) {
      merged.push(hit);
      nameLength = hit.end - hit.start;
      continue;
    }
    const isLonger = hit.end - hit.start > nameLength;
    if (isLonger) nameLength = hit.end - hit.start;
    merged[merged.length - 1] = {
      rule: isLonger ? hit.rule : last.rule,
      start: last.start,
      end: Math.max(last.end, hit.end),
    };
  }
  return hasMarkers && merged.length > 0 ? withoutMarkers(text, merged) : merged;
}

/** A longer hit takes the markers in it with it: only a text that is hidden without a look has such. */
const MOST_SPARED = 16_384;

/** Walks over the markers and the hits together, so that many of both cost their sum. */
function withoutMarkers(text: string, hits: readonly Hit[]): Hit[] {
  const markers = new RegExp(MARKER);
  const kept: Hit[] = [];
  let marker = markers.exec(text);
  for (const hit of hits) {
    let { start } = hit;
    if (hit.end - start > MOST_SPARED) {
      kept.push(hit);
      markers.lastIndex = hit.end;
      if (marker !== null && marker.index < hit.end) marker = markers.exec(text);
      continue;
    }
    for (; marker !== null && marker.index < hit.end; marker = markers.exec(text)) {
      const end = marker.index + marker[0].length;
      if (end <= start) continue;
      if (marker.index > start) kept.push({ rule: hit.rule, start, end: marker.index });
      start = end;
      if (end > hit.end) break;
    }
    if (start < hit.end) kept.push({ rule: hit.rule, start, end: hit.end });
  }
  return kept;
}

/** @param hits as settleHits gives them. */
export function hideHits(text: string, hits: readonly Hit[]): string {
  if (hits.length === 0) return text;
  const parts: string[] = [];
  let from = 0;
  for (const hit of hits) {
    parts.push(text.slice(from, hit.start), markerOf(hit.rule));
    from = hit.end;
  }
  parts.push(text.slice(from));
  return parts.join('');
}
