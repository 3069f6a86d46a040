// Package simulate is `tidings simulate`: what a load needs, and what becomes of it when
// receivers fail, before there is any of it.
//
//	flags, a file ──► Scenario ──► capacity: cells, processes, streams, memory, disks, cost
//	                     │             ▲ what waits at most
//	                     └──────► model: one worker's endpoints, or a sample, in virtual time
//	                                   │
//	calibration: measured costs        └──► table, JSON, SVG
package simulate
