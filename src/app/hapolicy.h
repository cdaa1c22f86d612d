// hapolicy's command line as settings of ours.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace policymux {

struct HapolicyOptions {
  std::vector<std::string> services{};  // NAME=ADDRESS:PORT[:PRIO[:WEIGHT[:TIMEOUT]]], as written
  std::string default_action{"dunno"};
  bool logging = false;                 // -l: a line for each try
  bool verbose = false;                 // -v: and what happens in between
  bool to_stdout = false;               // -L: to standard output, unless that is a client's connection
};

struct HapolicySetup {
  Config config;                        // one group with all services, asked for every request
  std::string policy;                   // of policy.conf
  std::vector<std::string> warnings{};  // services that were skipped, a default action that Postfix would not take
};

struct HapolicyService {
  Config::Service settings{};           // but for its priority and its weight:
  double priority = 10;                 // lower first
  double weight = 1;                    // above 0; others are in proportion to it
};

// The service string that hapolicy's manual describes: priority 10 (lower first), weight 1, timeout 30 s, where a part
// is empty, 0 or left out; more parts are ignored. Numbers may have blanks around them, a sign, a fraction and an
// exponent, as in Perl. Beyond hapolicy: IPv6 in brackets and unix:/path.
// The error is a sentence that quotes the text.
Result<HapolicyService, std::string> parse_hapolicy_service(std::string_view text);

// Never fails: what is invalid is left out, with a warning. Without a service every answer is the default action.
// Priorities and weights that are whole numbers remain as they are; others become places in their order, and whole
// numbers in the same proportion.
HapolicySetup hapolicy_setup(const HapolicyOptions& options);

}  // namespace policymux
