// What can be said of a policy when of a request nothing is known but its protocol state.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rule/policy.h"

namespace policymux {

enum class Sure : std::uint8_t { no, maybe, yes };

// Remembers what it has found out.   REQUIRES: `policy` outlives it.
class AtState {
 public:
  AtState(const Policy& policy, ProtocolState state)
      : policy_{policy}, state_{to_string(state)}, acls_(policy.acls.size()), ends_(policy.chains.size()) {}

  Sure matches(const Access& line) { return all_of(line.terms); }
  // Does every request get an answer other than the default from this chain?
  bool surely_answers(std::uint32_t chain);

 private:
  bool find_answer(std::uint32_t chain);
  Sure of(const Term& term);
  Sure all_of(const std::vector<Term>& terms);
  Sure any_of(const std::vector<Term>& terms);
  template <class Test>
  Sure of(const Test&) { return Sure::maybe; }
  Sure of(const LogTest&) { return Sure::yes; }
  Sure of(const CompositeTest& test);
  Sure of(const TextTest& test);
  bool holds(const TextTest& test, std::string_view value) const;

  const Policy& policy_;
  std::string_view state_;
  std::vector<std::optional<Sure>> acls_;
  std::vector<std::optional<bool>> ends_;
};

}  // namespace policymux
