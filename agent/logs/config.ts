/** The `logs` part of telemetry.json: which sources this device reads, and how. */
import { RE2JS } from 're2js';
import { type Static, Type } from 'typebox';
import { LOG_LEVELS, MAX_RULE_PATTERN } from '#contract';
import type { JoinRule } from './joiner.ts';

const Rate = Type.Object(
  {
    lines_per_second: Type.Integer({ minimum: 1, maximum: 100_000 }),
    burst: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
  },
  { additionalProperties: false, description: 'For each source; what is over is left out and counted.' },
);

const MultiLine = Type.Union(
  [
    Type.Enum(['auto', 'off']),
    Type.Object(
      { start: Type.String({ minLength: 1, maxLength: MAX_RULE_PATTERN, description: 'RE2 syntax.' }) },
      { additionalProperties: false },
    ),
  ],
  { description: 'auto joins stack traces; start: a record begins with each line that matches.' },
);
export type MultiLine = Static<typeof MultiLine>;

const SOURCE_FIELDS = {
  min_level: Type.Optional(
    Type.Enum([...LOG_LEVELS], { description: 'In place of the level that the organisation set.' }),
  ),
  rate: Type.Optional(Rate),
  multiline: Type.Optional(MultiLine),
};
const Names = (description: string) =>
  Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { maxItems: 100, description }));

export const JournalConfig = Type.Object(
  {
    ...SOURCE_FIELDS,
    include: Names('Units or identifiers, * and ? as wildcards; default all.'),
    exclude: Names('Units or identifiers that are left out.'),
  },
  { additionalProperties: false },
);
export type JournalConfig = Static<typeof JournalConfig>;

export const FileConfig = Type.Object(
  {
    ...SOURCE_FIELDS,
    path: Type.String({
      pattern: '^/',
      maxLength: 1024,
      description: 'Absolute; *, ? and [a-z] within a name.',
    }),
    service: Type.Optional(
      Type.String({ minLength: 1, maxLength: 100, description: 'Default: the file’s name without .log.' }),
    ),
    from: Type.Optional(
      Type.Enum(['start', 'end'], {
        description: 'Where a file begins that is there when it is first looked for; default end.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type FileConfig = Static<typeof FileConfig>;

export const ContainersConfig = Type.Object(
  {
    ...SOURCE_FIELDS,
    tool: Type.Optional(Type.Enum(['docker', 'podman'], { description: 'Default: whichever works.' })),
    include: Names('Container names, * and ? as wildcards; default all.'),
    exclude: Names('Container names that are left out.'),
  },
  { additionalProperties: false },
);
export type ContainersConfig = Static<typeof ContainersConfig>;

/** Everything may be left out: then the journal and the containers are read where they are, and no files. */
export const LogsConfig = Type.Object(
  {
    journald: Type.Optional(Type.Union([Type.Literal(false), JournalConfig])),
    files: Type.Optional(Type.Array(FileConfig, { maxItems: 50 })),
    containers: Type.Optional(Type.Union([Type.Literal(false), ContainersConfig])),
    rate: Type.Optional(Rate),
  },
  { additionalProperties: false },
);
export type LogsConfig = Static<typeof LogsConfig>;

/** What the schema cannot say; null when all is well, else one sentence that begins with the field. */
export function checkLogsConfig(config: LogsConfig): string | null {
  for (const [index, { path }] of (config.files ?? []).entries()) {
    if (path.includes('**')) return `logs.files.${index}.path: ** is not supported; name each folder`;
    if (path.endsWith('/')) return `logs.files.${index}.path: names a folder; add a file name or *`;
    if (path.split('/').some((name) => name === '..' || name === '.')) {
      return `logs.files.${index}.path: must not hold . or ..`;
    }
  }
  const sources: [string, MultiLine | undefined][] = [
    ['logs.journald', config.journald === false ? undefined : config.journald?.multiline],
    ['logs.containers', config.containers === false ? undefined : config.containers?.multiline],
    ...(config.files ?? []).map(({ multiline }, index): [string, MultiLine | undefined] => [
      `logs.files.${index}`,
      multiline,
    ]),
  ];
  for (const [name, multiline] of sources) {
    if (typeof multiline !== 'object') continue;
    const problem = patternProblem(multiline.start);
    if (problem !== null) return `${name}.multiline.start: ${problem}`;
  }
  return null;
}

/** @throws RE2JSSyntaxException for a pattern that {@link checkLogsConfig} refuses. */
export function joinRuleOf(multiline: MultiLine = 'auto'): JoinRule {
  if (typeof multiline === 'string') return { kind: multiline };
  const pattern = RE2JS.compile(multiline.start);
  return { kind: 'start', starts: (text) => pattern.test(text) };
}

function patternProblem(pattern: string): string | null {
  try {
    RE2JS.compile(pattern);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : 'is not a pattern';
  }
}
