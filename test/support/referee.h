// The plain reading of a policy: line by line, value by value, no index, no memory, no looking ahead. Slow and
// obvious on purpose: the compiled table must decide alike, with the same effects and the same sequence of
// acting questions.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "rule/policy.h"

namespace policymux::test {

struct Ruling {
  std::string action;                  // "REJECT text"
  std::string rule;                    // "policy.conf:12", or "default"
  std::vector<std::string> effects;    // "log policy.conf:3 text", "score policy.conf:4 3.5", ...
  std::vector<std::string> matched;    // "policy.conf:3": every line that matched
  std::vector<std::string> acting;     // the acting questions, in order
  bool operator==(const Ruling&) const = default;
};

// Answers any question at once: by kind, values and key.
using Oracle = std::function<Answer(const Definition& definition, std::string_view key)>;

Ruling referee(const Policy& policy, const Request& request, const Oracle& oracle);

}  // namespace policymux::test
