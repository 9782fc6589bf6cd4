/** Reads every import line and holds it against the rooms of DESIGN §3: who may import whom. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');

/** Longest prefix wins. `rooms`: other rooms, by door or path; `packages`: by name, null = any. */
const RULES: readonly { room: string; rooms: readonly string[]; packages: readonly string[] | null }[] = [
  { room: 'broker/contract', rooms: [], packages: ['typebox'] },
  { room: 'broker/contract/redaction', rooms: ['broker/contract'], packages: ['typebox', 're2js'] },
  { room: 'web/api', rooms: ['broker/contract'], packages: ['typebox'] },
  { room: 'certs', rooms: [], packages: ['node-forge'] },
  { room: 'broker', rooms: ['broker/contract', 'certs'], packages: ['aedes', 'mqtt-packet', 'typebox'] },
  { room: 'db', rooms: ['broker/contract'], packages: ['pg', 'drizzle-orm', 'typebox'] },
  {
    room: 'control-plane',
    rooms: ['broker/contract', 'broker/contract/redaction', 'web/api', 'certs', 'db'],
    packages: [
      ...['mqtt', 'jose', 'typebox', 'pino', 'openid-client', 'otpauth', 'ipaddr.js'],
      ...['@aws-sdk/client-kms', '@aws-sdk/client-secrets-manager'],
    ],
  },
  {
    room: 'web/server',
    rooms: ['web/api', 'broker/contract', 'control-plane'],
    packages: ['fastify', '@fastify/cookie', '@fastify/rate-limit', '@fastify/static', 'typebox'],
  },
  {
    room: 'web/client',
    rooms: ['web/api', 'broker/contract'],
    packages: [
      'lit',
      '@awesome.me/webawesome',
      '@tanstack/lit-virtual',
      'chart.js',
      'uqr',
      'typebox',
      'vite',
    ],
  },
  {
    room: 'agent',
    rooms: ['broker/contract', 'broker/contract/redaction', 'web/api', 'certs'],
    packages: ['mqtt', 'typebox', 're2js', 'vite'],
  },
  // The composition root wires all rooms together (DESIGN §3, last row).
  { room: 'control-plane/main.ts', rooms: ['*'], packages: null },
  { room: 'control-plane/roles', rooms: ['*'], packages: null },
  { room: 'control-plane/supervisor', rooms: ['*'], packages: null },
];

/** Doors that a room must use from outside; `#certs/csr` is the agent's only way into certs. */
const DOORS: Readonly<Record<string, string>> = {
  '#contract': 'broker/contract',
  '#contract/redaction': 'broker/contract/redaction',
  '#broker': 'broker',
  '#web-api': 'web/api',
  '#web-server': 'web/server',
  '#certs': 'certs',
  '#certs/csr': 'certs',
  '#db': 'db',
  '#control-plane': 'control-plane',
};

const TOP_LEVEL = ['agent', 'broker', 'certs', 'control-plane', 'db', 'web'];

interface ImportLine {
  readonly file: string;
  readonly specifier: string;
}

const files = TOP_LEVEL.flatMap((folder) => sources(join(root, folder)));
const imports = files.flatMap(importsOf);

describe('the rooms', () => {
  it('are found', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(imports.length).toBeGreaterThan(200);
  });

  it('import only the rooms and packages they may', () => {
    expect(imports.map(breach).filter((line) => line !== null)).toEqual([]);
  });

  it('let one file alone import aedes', () => {
    const importers = imports
      .filter(({ specifier }) => packageOf(specifier) === 'aedes')
      .map(({ file }) => file);
    expect([...new Set(importers)]).toEqual(['broker/aedes.ts']);
  });

  it('hold no decorators, which the console build would ship raw', () => {
    const decorated = files.filter((file) =>
      /^\s*@(?!media|keyframes|font-face|supports|import|layer|container|page)[a-z]\w*(\(|\s)/m.test(
        withoutComments(read(file)),
      ),
    );
    expect(decorated).toEqual([]);
  });

  it('hold no drawers without a noun', () => {
    const drawers = files.filter((file) =>
      /(^|\/)(utils?|helpers?|common|shared|misc|types)(\.ts|\/)/.test(file),
    );
    expect(drawers).toEqual([]);
  });
});

function breach({ file, specifier }: ImportLine): string | null {
  const rule = ruleOf(file);
  if (rule === undefined) return `${file}: lies in no room`;
  if (specifier.startsWith('node:')) return null;
  const target = roomOf(file, specifier);
  if (target === null) {
    const name = packageOf(specifier);
    if (rule.packages === null || rule.packages.includes(name)) return null;
    return `${file}: may not import the package ${name}`;
  }
  if (target === rule.room || rule.rooms.includes('*')) return null;
  const composition = ruleOf(file)?.room.startsWith('control-plane/');
  if (composition || sameRoom(rule.room, target)) return null;
  if (!rule.rooms.includes(target)) return `${file}: may not import ${target} (${specifier})`;
  if (specifier.startsWith('.')) return `${file}: imports ${target} past its door (${specifier})`;
  if (rule.room === 'agent' && target === 'certs' && specifier !== '#certs/csr') {
    return `${file}: the agent may use #certs/csr only`;
  }
  return null;
}

/** control-plane/main.ts, roles and supervisor are parts of their room: only they may be imported by each other. */
function sameRoom(from: string, target: string): boolean {
  return target === from || (target.startsWith('control-plane') && from.startsWith('control-plane/'));
}

function roomOf(file: string, specifier: string): string | null {
  if (specifier.startsWith('#')) return DOORS[specifier] ?? specifier;
  if (!specifier.startsWith('.')) return null;
  const path = relative(root, resolve(root, dirname(file), specifier))
    .split(sep)
    .join('/');
  return ruleOf(path)?.room ?? path;
}

function ruleOf(path: string) {
  return RULES.filter(({ room }) => path === room || path.startsWith(`${room}/`)).sort(
    (a, b) => b.room.length - a.room.length,
  )[0];
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function importsOf(file: string): ImportLine[] {
  const text = withoutComments(read(file));
  const pattern =
    /(?:^|[;\s])(?:import|export)\s(?:[^'"`;]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;
  return [...text.matchAll(pattern)].map((match) => ({ file, specifier: match[1] ?? match[2] ?? '' }));
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ['dist', 'node_modules'].includes(entry.name) ? [] : sources(path);
    return entry.name.endsWith('.ts') ? [relative(root, path).split(sep).join('/')] : [];
  });
}
