#include "rule/at_state.h"

#include <algorithm>

#include "base/text.h"
#include "match/regex.h"
#include "rule/values.h"

namespace policymux {
namespace {

constexpr Sure operator!(Sure sure) { return static_cast<Sure>(2 - static_cast<int>(sure)); }

}  // namespace

bool AtState::surely_answers(std::uint32_t chain) {
  if (!ends_[chain]) ends_[chain] = find_answer(chain);
  return *ends_[chain];
}

bool AtState::find_answer(std::uint32_t chain) {
  for (const auto number : policy_.chains[chain].lines) {
    const auto& line = policy_.lines[number];
    const auto match = matches(line);
    if (match == Sure::no) continue;
    const auto action = line.action ? line.action : policy_.default_action;
    if (!action || policy_.actions[*action].kind == Action::Kind::finish) return false;
    if (match == Sure::maybe) continue;
    const auto& sure = policy_.actions[*action];
    if (sure.kind == Action::Kind::answer) return action != policy_.default_action;
    if (sure.kind == Action::Kind::chain && surely_answers(sure.chain)) return true;
  }
  return false;
}

Sure AtState::of(const Term& term) {
  if (!acls_[term.acl]) {
    acls_[term.acl] = std::visit([this](const auto& test) { return of(test); }, policy_.acls[term.acl].test);
  }
  return term.negated ? !*acls_[term.acl] : *acls_[term.acl];
}

Sure AtState::all_of(const std::vector<Term>& terms) {
  auto least = Sure::yes;
  for (const auto& term : terms) least = std::min(least, of(term));
  return least;
}

Sure AtState::any_of(const std::vector<Term>& terms) {
  auto greatest = Sure::no;
  for (const auto& term : terms) greatest = std::max(greatest, of(term));
  return greatest;
}

Sure AtState::of(const CompositeTest& test) {
  using enum CompositeTest::How;
  return test.how == all ? all_of(test.terms) : test.how == any ? any_of(test.terms) : !any_of(test.terms);
}

Sure AtState::of(const TextTest& test) {
  if (test.source.attribute != Attribute::protocol_state || test.source.derivation != Derivation::none) {
    return Sure::maybe;
  }
  if (test.match != TextMatch::exact && test.match != TextMatch::regex) return Sure::maybe;
  auto found = Sure::no;
  for_each_value(test, [&](std::string_view value) {
    if (holds(test, value)) found = Sure::yes;
  });
  return found;
}

bool AtState::holds(const TextTest& test, std::string_view value) const {
  if (test.match == TextMatch::exact) return test.case_sensitive ? value == state_ : iequals(value, state_);
  const auto pattern = Pattern::parse(value, test.case_sensitive);
  return pattern && pattern->search(state_) == Found::yes;
}

}  // namespace policymux
