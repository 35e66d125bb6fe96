export { readReport, writeReport } from './schema/report-file.ts';
