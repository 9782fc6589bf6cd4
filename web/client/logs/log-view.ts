/** Filters and place of the log view, kept in the address so that what one sees can be shared. Pure. */
import { LOG_LEVELS, type LogLevel } from '#contract';

/** What the API takes at most. */
export const MAX_LOG_SEARCH = 200;

export interface LogViewState {
  /** Empty = all. */
  readonly levels: readonly LogLevel[];
  readonly service: string;
  readonly text: string;
  /** ISO instants; empty = open. */
  readonly from: string;
  readonly to: string;
  /** Instant of the place that is shown; empty = the newest end. */
  readonly at: string;
  /** Id of the line that is shown; empty = none. */
  readonly line: string;
  readonly isWrapped: boolean;
}

/** What is not valid in an address is left out, never an error. */
export function readLogView(query: URLSearchParams): LogViewState {
  const asked = (query.get('level') ?? '').split(',');
  return {
    levels: LOG_LEVELS.filter((level) => asked.includes(level)),
    service: (query.get('service') ?? '').slice(0, 100),
    text: (query.get('q') ?? '').slice(0, MAX_LOG_SEARCH),
    from: instant(query.get('from')),
    to: instant(query.get('to')),
    at: instant(query.get('at')),
    line: (query.get('line') ?? '').slice(0, 100),
    isWrapped: query.get('wrap') === '1',
  };
}

/** `''`, or `?…` without what is at its default. */
export function writeLogView(view: LogViewState): string {
  const query = new URLSearchParams();
  if (view.text !== '') query.set('q', view.text);
  if (view.levels.length > 0) query.set('level', view.levels.join(','));
  for (const name of ['service', 'from', 'to', 'at', 'line'] as const) {
    if (view[name] !== '') query.set(name, view[name]);
  }
  if (view.isWrapped) query.set('wrap', '1');
  return query.size === 0 ? '' : `?${query}`;
}

export const isLogFiltered = (view: LogViewState): boolean =>
  view.levels.length > 0 || view.service !== '' || view.text !== '' || view.from !== '' || view.to !== '';

/** The lowest chosen level; the device need not send lower ones. */
export const lowestLevel = (view: LogViewState): LogLevel | undefined => view.levels[0];

/** The same lines are shown by both: only place or wrapping differ. */
export const isSameSearch = (a: LogViewState, b: LogViewState): boolean =>
  writeLogView({ ...a, isWrapped: false }) === writeLogView({ ...b, isWrapped: false });

/** What the API takes as filters. */
export function logQuery(view: LogViewState) {
  return {
    ...(view.levels.length === 0 ? {} : { level: view.levels.join(',') }),
    ...(view.service === '' ? {} : { service: view.service }),
    ...(view.text.trim() === '' ? {} : { q: view.text.trim() }),
    ...(view.from === '' ? {} : { from: view.from }),
    ...(view.to === '' ? {} : { to: view.to }),
  };
}

function instant(text: string | null): string {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? '' : new Date(ms).toISOString();
}

/** ISO instant to what a `datetime-local` field shows, in the reader's zone; and back. */
export function toLocalInput(iso: string): string {
  if (iso === '') return '';
  const date = new Date(iso);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
export function fromLocalInput(local: string): string {
  const ms = new Date(local).getTime();
  return Number.isNaN(ms) ? '' : new Date(ms).toISOString();
}
