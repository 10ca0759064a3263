import type { AdmissionTables } from "../../src/config/options.ts";

/** What engines are given of an edge that lets everybody in. */
export const openAdmission: AdmissionTables = {
  access: null,
  trusted: null,
  rows: [],
  rates: null,
  counts: null,
  networkRates: null,
  networkCounts: null,
};
