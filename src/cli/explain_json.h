// An explanation for programs: one JSON object, in one line.
#pragma once

#include <string>

#include "rule/explain.h"

namespace policymux {

// {"request": {"protocol_state": "RCPT", "sender": ..., ...},
//  "lines": [{"file", "line", "chain", "text", "tests": [{"name", "negated", "truth", "reason"}], "reached", "matched",
//             "action"}],
//  "decision": "REJECT Go away", "rule": {"file", "line"}, "look_up_failed": false,
//  "effects": [{"kind", "text", "rule"}]}
// "truth" is TRUE, FALSE or UNKNOWN, of the test as it stands, its '!' included. "action" is there where the line
// matched; a "rule" is null where it is the default's. What is not UTF-8 becomes U+FFFD.
std::string to_json(const Explanation& explanation);

}  // namespace policymux
