/** Supervises one well-behaved child until it is killed itself. */
import { superviseChild } from '../../../control-plane/supervisor/child.ts';

const [journal = ''] = process.argv.slice(2);
const child = superviseChild({
  name: 'fake',
  args: [`${import.meta.dirname}/role.ts`, 'well', journal],
  env: process.env,
  cwd: process.cwd(),
  onLine: () => undefined,
  onChange: () => undefined,
});
await child.ready();
console.log(`ready ${child.pid()}`);
