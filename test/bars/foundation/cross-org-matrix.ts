/** Bar B1: every client of three organisations tries every way to every foreign topic; all is refused, no byte leaks. */
import { runBar } from '../../support/bar.ts';
import { runMatrix } from '../../support/broker-matrix.ts';

const MIN_ATTEMPTS = 20_000;

await runBar(async () => {
  const report = await runMatrix();
  console.log(report.byKind);
  for (const failure of report.failures) console.log(`not refused: ${failure}`);
  console.log(`${report.ownMessages} messages reached those whom they were for`);
  return {
    name: 'cross-org-matrix',
    figure: `${report.refused} of ${report.attempts} refused, ${report.foreignBytes} foreign bytes`,
    limit: `100 % of >= ${MIN_ATTEMPTS}, 0`,
    holds:
      report.attempts >= MIN_ATTEMPTS &&
      report.refused === report.attempts &&
      report.foreignBytes === 0 &&
      report.ownMessages > 0,
  };
});
