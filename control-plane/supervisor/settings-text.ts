/** The settings table in its other forms: --help, .env.example, and the environment of a child. Pure. */
import { SETTINGS, type SettingName, type Settings } from '../settings.ts';

const NAMES = Object.keys(SETTINGS) as SettingName[];
const HELP_WIDTH = 100;

/** What `npm start -- --help` prints. */
export function renderHelp(): string {
  const rows = NAMES.map((name) => {
    const { flag, env, doc, default: value } = SETTINGS[name];
    const usage =
      typeof value === 'boolean' ? (value ? `--no-${flag}` : `--${flag}`) : `--${flag} ${placeholder(name)}`;
    const fallback = value === null || typeof value === 'boolean' ? '' : ` Default: ${value}.`;
    return `  ${usage}   (${env})\n${wrap(`${doc}${fallback}`, HELP_WIDTH - 6)
      .map((line) => `      ${line}`)
      .join('\n')}`;
  });
  return [
    'Ops-Center Edge: npm start -- [options]',
    '',
    'Every option can also be given by the environment variable beside it; the command line wins.',
    '',
    ...rows,
    '',
  ].join('\n');
}

/** Content of the file `.env.example`. */
export function renderEnvExample(): string {
  const rows = NAMES.map((name) => {
    const { env, doc, default: value } = SETTINGS[name];
    return `${wrap(doc, HELP_WIDTH - 2)
      .map((line) => `# ${line}`)
      .join('\n')}\n# ${env}=${value ?? ''}\n`;
  });
  return [
    '# Settings of Ops-Center Edge with their defaults. Made from control-plane/settings.ts by',
    '# `node control-plane/supervisor/write-env-example.ts`; edit the table, not this file.',
    '',
    ...rows,
  ].join('\n');
}

/** Settings as environment, so that a child reads the same values and no secret stands on a command line. */
export function settingsAsEnv(settings: Settings): Record<string, string> {
  return Object.fromEntries(NAMES.map((name) => [SETTINGS[name].env, String(settings[name] ?? '')]));
}

function placeholder(name: SettingName): string {
  const schema = SETTINGS[name].schema as { enum?: readonly unknown[]; type?: unknown };
  if (schema.enum !== undefined) return schema.enum.join('|');
  return schema.type === 'integer' || schema.type === 'number' ? 'N' : 'VALUE';
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length + 1 > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
