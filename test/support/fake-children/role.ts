/** A child for supervision tests: behaves as its first argument says and reports each start in a file. */
import { appendFileSync } from 'node:fs';
import { attachLeash, report } from '../../../control-plane/supervisor/leash.ts';

const [behaviour = '', journal = ''] = process.argv.slice(2);
const note = (word: string): void => appendFileSync(journal, `${word} ${process.pid}\n`);
const keepAlive = setInterval(() => undefined, 60_000);

note('started');
switch (behaviour) {
  case 'well':
    attachLeash(() => {
      note('stopped');
      clearInterval(keepAlive);
      process.disconnect();
    });
    await report({ type: 'ready' });
    console.log('{"level":30,"msg":"ready now"}');
    break;
  case 'deaf':
    process.on('message', () => undefined);
    await report({ type: 'ready' });
    break;
  case 'fatal':
    await report({ type: 'fatal', message: 'Give it a cup of tea.' });
    process.exit(1);
    break;
  case 'crash':
    throw new TypeError('it fell over');
  default:
    throw new Error(`no such behaviour: ${behaviour}`);
}
