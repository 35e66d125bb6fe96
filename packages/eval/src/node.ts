export { readReport, writeReport } from './report/report-file.ts';
