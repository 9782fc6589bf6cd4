/** Follows one container's two streams for as long as it runs, and again when it was restarted. */
import { cleanBytes } from './clean-text.ts';
import { createSieve, parseContainerLine, type Sieve, sinceOf } from './container-line.ts';
import type { Container } from './container-list.ts';
import { followProgram } from './followed-program.ts';
import type { Gate } from './gate.ts';
import { MAX_LINE_BYTES } from './limits.ts';
import type { SplitLine } from './line-splitter.ts';
import type { Pipeline, SourceLine } from './pipeline.ts';
import type { ContainerMark } from './positions.ts';
import type { Surroundings } from './surroundings.ts';

export type StreamName = 'stdout' | 'stderr';

export interface ContainerPosition {
  readonly stream: StreamName;
  readonly timestamp: string;
  readonly count: number;
}

export interface ContainerTailOptions {
  readonly container: Container;
  /** Name or path of docker or podman. */
  readonly program: string;
  readonly mark: () => ContainerMark;
  readonly pipeline: Pipeline<ContainerPosition>;
  readonly gate: Gate;
  readonly around: Surroundings;
  readonly signal: AbortSignal;
}

/** One run of `logs --follow`; resolves when the container stopped: null, or why it failed. */
export async function followContainer(options: ContainerTailOptions): Promise<string | null> {
  const { container, program, mark, pipeline, gate, around, signal } = options;
  const begunAt = around.now();
  const since = sinceOf(mark()) ?? mark().since ?? null;
  const reader = (stream: StreamName): ((lines: readonly SplitLine[]) => Promise<void>) => {
    const sieve = createSieve(mark()[stream]);
    return async (lines) => {
      const taken = lines.flatMap((line) => lineOf(container, stream, sieve, line, begunAt));
      await pipeline.push(taken);
    };
  };
  return followProgram({
    file: program,
    args: ['logs', '--follow', '--timestamps', ...(since === null ? [] : ['--since', since]), container.id],
    maxLineBytes: MAX_LINE_BYTES,
    onLines: reader('stdout'),
    onErrorLines: reader('stderr'),
    ready: () => gate.opened(signal),
    signal,
  });
}

/** Empty for what was taken before, and for the tool's own words, which carry no time. */
function lineOf(
  container: Container,
  stream: StreamName,
  sieve: Sieve,
  { bytes, cutBytes }: SplitLine,
  begunAt: Date,
): SourceLine<ContainerPosition>[] {
  const { timestamp, text } = parseContainerLine(cleanBytes(bytes));
  const position = timestamp === null ? null : sieve.pass(timestamp);
  if (timestamp === null || position === null) return [];
  const at = new Date(timestamp);
  return [
    {
      text,
      cutBytes,
      service: container.name,
      lane: stream,
      position: { stream, ...position },
      isBacklog: at < begunAt,
      timestamp: at,
      metadata: { container: container.id.slice(0, 12), stream },
    },
  ];
}
