/** Joins the lines of one service that belong together: stack traces, tracebacks, panics. Pure: the caller gives the time. */
import type { LogLevel } from '#contract';
import { JOIN_IDLE_MS, JOIN_MS, MAX_JOINED_BYTES, MAX_JOINED_LINES } from './limits.ts';

export interface JoinLine {
  readonly text: string;
  /** What the line says of itself; null where it says nothing. */
  readonly level: LogLevel | null;
  readonly hasTime: boolean;
  /** Stands alone: a JSON line, an entry of a journal with several lines. */
  readonly isWhole: boolean;
}

/** `auto` knows the traces of Java, Python, Node and Go; `starts` says which lines begin a record. */
export type JoinRule =
  | { readonly kind: 'auto' }
  | { readonly kind: 'off' }
  | { readonly kind: 'start'; readonly starts: (text: string) => boolean };

type Trace = 'plain' | 'python' | 'python-told' | 'go' | 'node';

export interface Joiner<L extends JoinLine> {
  /** The record that this line closes, or null. */
  push(line: L, nowMs: number): readonly L[] | null;
  /** The record that waited long enough, or null. */
  due(nowMs: number): readonly L[] | null;
  /** The record as it is, or null. */
  flush(): readonly L[] | null;
}

const FRAME = /^(?:[ \t]|Caused by: |Suppressed: |\.\.\. \d{1,6} more)/;
const JAVA_HEAD = /^(?:[a-zA-Z_][\w$]{0,80}\.){1,12}[A-Z][\w$]{0,80}(?:Exception|Error|Throwable)\b/;
const PYTHON_START = /^Traceback \(most recent call last\):/;
const PYTHON_LINK = /^(?:During handling of the above exception|The above exception was the direct cause)/;
const GO_START = /^(?:panic: |fatal error: )/;
const GO_FRAME =
  /^(?:goroutine \d+ |\[signal |created by |exit status \d|runtime\.|panic\(|[\w./*()-]{1,200}\()/;
const NODE_START = /^(?:file:\/\/|node:|\/)\S{1,400}:\d{1,7}$/;
const NODE_MORE = /^(?:\^|Node\.js v\d|[A-Z]\w{0,60}(?:Error|Exception)\b|Error\b|Require stack:|- )/;
/** Only the beginning of a line decides; a line may be long. */
const HEAD = 600;

const isFailure = (level: LogLevel | null): boolean => level === 'error' || level === 'critical';

export function createJoiner<L extends JoinLine>(rule: JoinRule): Joiner<L> {
  let lines: L[] = [];
  let bytes = 0;
  let trace: Trace = 'plain';
  let startedAtMs = 0;
  let addedAtMs = 0;

  const flush = (): readonly L[] | null => {
    // Empty lines at the end belong to nothing.
    while (lines.length > 1 && lines.at(-1)?.text === '') lines = lines.slice(0, -1);
    const closed = lines.length === 0 ? null : lines;
    lines = [];
    bytes = 0;
    trace = 'plain';
    return closed;
  };
  const add = (line: L, nowMs: number): void => {
    if (lines.length === 0) startedAtMs = nowMs;
    addedAtMs = nowMs;
    lines.push(line);
    bytes += Buffer.byteLength(line.text) + 1;
  };
  const isOverdue = (nowMs: number): boolean =>
    lines.length > 0 && (nowMs - startedAtMs >= JOIN_MS || nowMs - addedAtMs >= JOIN_IDLE_MS);

  return {
    push(line, nowMs) {
      const head = line.text.slice(0, HEAD);
      const first = lines[0];
      const next =
        first === undefined || isOverdue(nowMs) || rule.kind === 'off' || line.isWhole || first.isWhole
          ? null
          : rule.kind === 'start'
            ? rule.starts(line.text)
              ? null
              : trace
            : continued(trace, first, lines.length, { ...line, text: head });
      const fits = lines.length < MAX_JOINED_LINES && bytes + Buffer.byteLength(line.text) < MAX_JOINED_BYTES;
      const closed = next === null || !fits ? flush() : null;
      add(line, nowMs);
      trace = closed === null && next !== null ? next : begun(head);
      return closed;
    },
    due: (nowMs) => (isOverdue(nowMs) ? flush() : null),
    flush,
  };
}

function begun(text: string): Trace {
  if (PYTHON_START.test(text)) return 'python';
  if (GO_START.test(text)) return 'go';
  return NODE_START.test(text) ? 'node' : 'plain';
}

/** The trace that goes on with this line, or null where the line begins a record of its own. */
function continued(trace: Trace, first: JoinLine, count: number, line: JoinLine): Trace | null {
  const { text } = line;
  if (FRAME.test(text)) return trace;
  switch (trace) {
    case 'python':
      // The first line that is not indented names the exception; it ends the traceback.
      return text === '' ? trace : line.hasTime ? null : 'python-told';
    case 'python-told':
      if (PYTHON_START.test(text)) return 'python';
      return text === '' || PYTHON_LINK.test(text) ? trace : null;
    case 'go':
      return text === '' || (!line.hasTime && GO_FRAME.test(text)) ? trace : null;
    case 'node':
      return text === '' || count === 1 || NODE_MORE.test(text) ? trace : null;
    case 'plain':
      // A trace follows the line that reports it; after any other line it stands for itself.
      if (line.hasTime || !isFailure(first.level)) return null;
      if (PYTHON_START.test(text)) return 'python';
      if (GO_START.test(text)) return 'go';
      return count === 1 && JAVA_HEAD.test(text) ? trace : null;
  }
}
