/** An example value for a schema of the contract; the documentation shows it, a test validates it. Pure. */

/** The part of JSON Schema that our contract uses. */
export interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly title?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly examples?: readonly unknown[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
}

/** Fields whose pattern no generic text fits, or that read better with a real value. */
const EXAMPLES_BY_FIELD: Readonly<Record<string, unknown>> = {
  device_name: 'line-3-gateway',
  hardware_id: 'b7f0c2d49c1e4f0f',
  firmware_version: '2.1.0',
  agent_version: '0.1.0',
  registration_token: 'edge_rt_…',
  csr: '-----BEGIN CERTIFICATE REQUEST-----\n…\n-----END CERTIFICATE REQUEST-----\n',
  email: 'ada@example.com',
  password: 'correct horse battery',
  current_password: 'correct horse battery',
  new_password: 'staple correct horse',
  slug: 'acme',
  organization_slug: 'acme',
  name: 'acme-historian',
  metric_type: 'cpu',
  boot_id: '0c8f6a52-4f0e-4f6f-9d3c-0f8d6a1b2c3d',
  reason: 'stolen',
  disabled_builtin: ['email'],
  allowed_labels: ['queue'],
  text: 'login of ada@example.com with password=hunter2',
  tags: ['berlin', 'line:3'],
  metadata: { rack: 'A4' },
  value: { percent: 45.2, cores: 32 },
  devices: [{ device_name: 'line-3-gateway', device_type: 'gateway', hardware_id: 'b7f0c2d49c1e4f0f' }],
};
const UUID_EXAMPLE = '3f0c8a9e-6f0d-4a53-9d5b-2f1f6f7c1a10';
const TIME_EXAMPLE = '2026-11-23T06:00:00.000Z';

export function exampleOf(schema: SchemaNode, field?: string): unknown {
  if (schema.examples?.[0] !== undefined) return schema.examples[0];
  if (field !== undefined && Object.hasOwn(EXAMPLES_BY_FIELD, field)) return EXAMPLES_BY_FIELD[field];
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.anyOf?.[0] !== undefined) return exampleOf(schema.anyOf[0], field);
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([name, inner]) => [name, exampleOf(inner, name)]),
      );
    case 'array':
      return schema.items === undefined ? [] : [exampleOf(schema.items)];
    case 'integer':
    case 'number':
      return schema.minimum ?? 0;
    case 'boolean':
      return true;
    case 'string':
      return exampleText(schema);
    default:
      return null;
  }
}

function exampleText({ format, minLength = 0 }: SchemaNode): string {
  if (format === 'uuid') return UUID_EXAMPLE;
  if (format === 'date-time') return TIME_EXAMPLE;
  return 'text'.padEnd(minLength, 'x');
}
