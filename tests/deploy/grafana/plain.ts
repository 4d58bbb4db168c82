import type { Dashboard } from '@grafana/schema';
// Enums by their values, as JSON holds them.
export type Plain<T> = T extends string ? `${T}` : T extends (infer U)[] ? Plain<U>[] : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
export type PlainDashboard = Plain<Dashboard>;
