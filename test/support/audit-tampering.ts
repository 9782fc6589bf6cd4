/** What somebody with every right on the database may do to one chain of the audit log, as SQL. */
export interface Tampering {
  readonly name: string;
  readonly sql: string;
}

/** Column → another value of its type, never the one that stands there. */
const COLUMNS: Readonly<Record<string, string>> = {
  at: "at + interval '1 microsecond'",
  actor: "actor || 'x'",
  actor_kind: "'provider'",
  actor_id: "coalesce(actor_id, '') || 'x'",
  ip_address: "'198.51.100.7'",
  user_agent: "coalesce(user_agent, '') || 'x'",
  request_id: "'other'",
  attempt_id: 'gen_random_uuid()',
  action: "'device.delete'",
  object: "object || 'x'",
  object_kind: "'device'",
  object_id: "'other'",
  outcome: "'refused'",
  error_code: "'auth.forbidden'",
  repeats: 'repeats + 1',
  detail: `detail || '{"max_uses": 1.0}'`,
  before: `'{"name": "other"}'`,
  after: `'{}'`,
  chain_position: 'chain_position + 1000000',
  previous_hash: "sha256('x')",
  hash: "sha256('x')",
  organization_id: 'NULL, chain_position = 1000000',
};

/** Makes every row from a position on anew, head included: only a checkpoint tells. */
const rechain = (org: string, from: number): string => `
  DO $$ DECLARE r audit_log; p bytea; BEGIN
    SELECT previous_hash INTO p FROM audit_log WHERE organization_id = '${org}' AND chain_position = ${from};
    FOR r IN SELECT * FROM audit_log WHERE organization_id = '${org}' AND chain_position >= ${from} ORDER BY chain_position LOOP
      r.previous_hash := p; p := audit_row_hash(r);
      UPDATE audit_log SET previous_hash = r.previous_hash, hash = p WHERE id = r.id;
    END LOOP;
    UPDATE audit_chains SET hash = p WHERE chain = '${org}';
  END $$`;

/**
 * `count` of them, all kinds in turn, at rows that `random` chooses.
 * @param length rows of the chain; a checkpoint signs its last one
 */
export function tamperings(org: string, length: number, count: number, random: () => number): Tampering[] {
  const position = (): number => 2 + Math.floor(random() * (length - 2));
  const where = (at: number): string => `WHERE organization_id = '${org}' AND chain_position = ${at}`;
  const edit = (column: string, value: string) => (): Tampering => ({
    name: `edit ${column}`,
    sql: `UPDATE audit_log SET ${column} = ${value} ${where(position())}`,
  });
  const cut = (from: number): string =>
    `DELETE FROM audit_log WHERE organization_id = '${org}' AND chain_position >= ${from};
     UPDATE audit_chains c SET position = l.chain_position, hash = l.hash FROM audit_log l
     WHERE c.chain = '${org}' AND l.organization_id = '${org}' AND l.chain_position = ${from - 1}`;
  const copied = `organization_id, at, actor, actor_kind, actor_id, action, object, object_kind, outcome, repeats`;
  const kinds: readonly (() => Tampering)[] = [
    ...Object.entries(COLUMNS).map(([column, value]) => edit(column, value)),
    () => ({
      name: 'edit id',
      sql: `ALTER TABLE audit_log ALTER COLUMN id DROP IDENTITY;
        UPDATE audit_log SET id = id + 1000000 ${where(position())}`,
    }),
    () => ({ name: 'delete', sql: `DELETE FROM audit_log ${where(position())}` }),
    () => ({ name: 'delete the first', sql: `DELETE FROM audit_log ${where(1)}` }),
    () => ({ name: 'delete the last', sql: `DELETE FROM audit_log ${where(length)}` }),
    () => {
      const at = position();
      return {
        name: 'delete and close the gap',
        sql: `DELETE FROM audit_log ${where(at)};
          UPDATE audit_log SET chain_position = -chain_position WHERE organization_id = '${org}' AND chain_position > ${at};
          UPDATE audit_log SET chain_position = -chain_position - 1 WHERE organization_id = '${org}' AND chain_position < 0`,
      };
    },
    () => {
      const [one, two] = [position() - 1, length];
      return {
        name: 'swap',
        sql: `UPDATE audit_log SET chain_position = -1 ${where(one)};
          UPDATE audit_log SET chain_position = ${one} ${where(two)};
          UPDATE audit_log SET chain_position = ${two} ${where(-1)}`,
      };
    },
    () => {
      const at = position();
      return {
        name: 'swap what two rows say',
        sql: `UPDATE audit_log a SET object = b.object, detail = b.detail FROM audit_log b
          WHERE a.organization_id = '${org}' AND b.organization_id = '${org}' AND a.chain_position IN (${at}, ${at + 1})
            AND b.chain_position = ${2 * at + 1} - a.chain_position`,
      };
    },
    () => ({
      name: 'insert behind the last, rightly hashed',
      sql: `INSERT INTO audit_log (${copied}, chain_position, previous_hash, hash)
        SELECT ${copied}, chain_position + 1, hash, sha256('x') FROM audit_log ${where(length)};
        UPDATE audit_log l SET hash = audit_row_hash(l) ${where(length + 1)}`,
    }),
    () => ({
      name: 'insert in the place of one',
      sql: `INSERT INTO audit_log (${copied}, chain_position, previous_hash, hash)
        SELECT ${copied}, -1, previous_hash, hash FROM audit_log ${where(length - 1)};
        DELETE FROM audit_log ${where(length - 1)};
        UPDATE audit_log SET chain_position = ${length - 1} ${where(-1)}`,
    }),
    () => ({ name: 'cut off the tail, head too', sql: cut(position()) }),
    () => {
      const at = position();
      return {
        name: 'edit, then make the whole chain anew',
        sql: `UPDATE audit_log SET actor = 'person:other' ${where(at)};${rechain(org, at)}`,
      };
    },
    () => ({
      name: 'delete the chain and its head',
      sql: `DELETE FROM audit_log WHERE organization_id = '${org}'; DELETE FROM audit_chains WHERE chain = '${org}'`,
    }),
    () => ({
      name: 'edit the head',
      sql: `UPDATE audit_chains SET hash = sha256('x') WHERE chain = '${org}'`,
    }),
    () => ({
      name: 'edit the checkpoint',
      sql: `UPDATE audit_checkpoints SET position = position - 1,
          hash = (SELECT hash FROM audit_log ${where(length - 1)}) WHERE organization_id = '${org}'`,
    }),
  ];
  return Array.from({ length: count }, (_, index) => {
    const kind = kinds[index % kinds.length];
    if (kind === undefined) throw new RangeError('no kinds');
    return kind();
  });
}
