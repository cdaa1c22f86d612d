// Why was it decided so? One request against every access line, in order, for people and for their programs.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rule/evaluate.h"
#include "rule/policy.h"

namespace policymux {

// A plain value. Texts are as they came: to_text() makes them safe, and so must whoever else shows them.
struct Explanation {
  struct Head {
    std::string protocol_state{}, client_name{}, client_address{}, helo_name{}, sender{}, recipient{};
  };
  struct Where {
    std::string file{};
    int line = 0;
  };
  struct Test {
    std::string name{};               // of the acl
    bool negated = false;
    Truth truth = Truth::unknown();   // of the test as it stands there, its '!' included
    std::string reason{};
  };
  struct Line {
    Where where{};
    std::string chain{};
    std::size_t depth = 0;            // how many CHAIN calls led here
    std::string text{};               // "access foo !bar reject"
    std::vector<Test> tests{};
    bool reached = false;             // no earlier line had decided
    bool matched = false;
    std::string action{};             // matched: its name
    std::string would_ask{};          // reached, and its other tests are TRUE: "POLICY grey", which is not asked here
  };
  struct Effect {
    std::string_view kind;            // "log", "score", "tag", "notify", "warning"
    std::string text{};
    std::optional<Where> rule{};      // nullopt: the default's
  };
  Head request{};
  std::vector<Line> lines{};          // in the order in which they are looked at
  std::string decision{};             // "REJECT Go away"
  std::optional<Where> rule{};        // the line that decided; nullopt: nothing matched
  bool look_up_failed = false;        // DEFER instead of a default that rejects
  bool nobody_asked = false;          // a line would have asked: the daemon may decide otherwise
  std::optional<std::string> other_kind{};  // request=... of another kind than Postfix's: DUNNO, no line is looked at
  std::vector<Effect> effects{};
};

// Each access line in the order in which it is looked at, each of its tests with the reason, what the line did, and
// the decision. Lines behind the one that decided are there with the truth that their tests have. Nothing outside is
// asked: a test that would have to is UNKNOWN, and an action that would does nothing.
//   REQUIRES  evaluator's table was compiled from `policy`.
//   Cost      every line and, for the reason, the values of each acl one by one: for people, not for the daemon.
Explanation explain(const Policy& policy, Evaluator& evaluator, const Request& request);

// For a terminal: no control characters but line ends, valid UTF-8.
std::string to_text(const Explanation& explanation);

// "TRUE", "FALSE", "UNKNOWN"
std::string_view to_string(Truth truth);

}  // namespace policymux
