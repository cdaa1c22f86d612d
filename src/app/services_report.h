// What `policymux ctl services` shows, for programs.
#pragma once

#include <string>

#include "upstream/figures.h"

namespace policymux {

// One JSON object, ended by a newline: {"services": [...], "groups": [...]}. A service has name, group, address,
// priority, weight, state ("on", "off", "trying"), reason (null: none), retry_after_ms, connections, in_flight, queued,
// requests, answers, failures (a number for each reason), replaced, unasked, switched_off, latency (count, mean_us,
// p50_us, p99_us; null: nothing was answered, or it took longer than all bounds), and workers (running, busy, started,
// failed: that died or misbehaved; null: it is no plug-in).
std::string to_json(const UpstreamSnapshot& snapshot);

}  // namespace policymux
