#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <variant>

#include "rule/at_state.h"
#include "rule/graph.h"
#include "rule/lint_parts.h"
#include "rule/source.h"

namespace policymux {
namespace {

using States = unsigned;  // a set; bit i is smtp_states[i]
constexpr States every_state = (1u << smtp_states.size()) - 1;

std::string names(States states) {
  std::string out;
  for (std::size_t i = 0; i < smtp_states.size(); ++i) {
    if ((states >> i & 1) != 0) out.append(out.empty() ? "" : ", ").append(to_string(smtp_states[i]));
  }
  return out;
}

// The attribute that the test cannot do without, if Postfix has it.
std::optional<Attribute> needed_by(const Acl::Test& test) {
  if (const auto* text = std::get_if<TextTest>(&test)) return text->source.attribute;
  if (const auto* address = std::get_if<AddressTest>(&test)) return address->source.attribute;
  if (const auto* number = std::get_if<NumberTest>(&test)) return number->source.attribute;
  const auto* question = std::get_if<QuestionTest>(&test);
  return question != nullptr && !question->key.name.empty() ? question->key.attribute : std::nullopt;
}

States states_with(Attribute attribute) {
  States known = 0;
  for (std::size_t i = 0; i < smtp_states.size(); ++i) {
    if (can_be_known(attribute, smtp_states[i])) known |= 1u << i;
  }
  return known;
}

// Where a test can be TRUE and where it can be FALSE, as far as the protocol state decides it.
struct Possible {
  States is_true = every_state, is_false = every_state;
};

class Reader {
 public:
  explicit Reader(const Policy& policy)
      : policy_{policy}, possible_(policy.acls.size()), reached_at_(policy.chains.size(), 0) {
    for (const auto state : smtp_states) at_states_.emplace_back(policy, state);
  }

  Doubts run() {
    reached_at_[0] = every_state;
    for (const auto chain : callers_first()) read(policy_.chains[chain], reached_at_[chain]);
    return std::move(doubts_);
  }

 private:
  std::vector<std::uint32_t> callers_first() const {
    const auto heights = walk(calls_of(policy_)).heights;
    std::vector<std::uint32_t> order(policy_.chains.size());
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::stable_sort(order, std::greater{}, [&](std::uint32_t chain) { return heights[chain]; });
    return order;
  }

  void read(const Chain& chain, States states) {
    for (const auto number : chain.lines) {
      const auto& line = policy_.lines[number];
      const auto seen = states & matched_at(line, Sure::maybe);
      if (doubt(line, seen)) continue;
      if (const auto called = called_by(policy_, line)) reached_at_[*called] |= seen;
      if (ends_chain(policy_, line)) states &= ~matched_at(line, Sure::yes);
    }
  }

  // Where the line matches at least so surely.
  States matched_at(const Access& line, Sure least) {
    States states = 0;
    for (std::size_t i = 0; i < at_states_.size(); ++i) {
      if (at_states_[i].matches(line) >= least) states |= 1u << i;
    }
    return states;
  }

  bool doubt(const Access& line, States seen) {
    if (seen == 0) return false;
    for (const auto& term : line.terms) {
      const auto fits = possible(term);
      if ((fits & seen) != 0) continue;
      const auto& acl = policy_.acls[term.acl];
      const auto attribute = needed_by(acl.test);
      doubts_.push_back(
          {line.place,
           {"this line never matches: acl " + in_quotes(acl.name) + std::string{what_it_is(term, seen)} + names(seen) +
                ", and no other protocol state fits the line",
            attribute ? std::string{attribute_name(*attribute)} + " can be known at " + names(fits) : ""}});
      return true;
    }
    return false;
  }

  // At states where the term is not TRUE.
  std::string_view what_it_is(const Term& term, States seen) {
    if ((possible({.acl = term.acl, .negated = !term.negated}) & seen) == 0) return " is UNKNOWN at ";
    return term.negated ? " is never FALSE at " : " is never TRUE at ";
  }

  States possible(const Term& term) {
    auto& known = possible_[term.acl];
    if (!known) known = possible(policy_.acls[term.acl].test);
    return term.negated ? known->is_false : known->is_true;
  }

  Possible possible(const Acl::Test& test) {
    if (const auto* composite = std::get_if<CompositeTest>(&test)) return possible(*composite);
    const auto attribute = needed_by(test);
    if (!attribute) return {};
    const auto known = states_with(*attribute);
    return {known, known};
  }

  // any is TRUE where one member can be, FALSE where all can; all is the mirror; none is !any.
  Possible possible(const CompositeTest& test) {
    using enum CompositeTest::How;
    States some_true = 0, all_true = every_state, some_false = 0, all_false = every_state;
    for (const auto& term : test.terms) {
      const auto is_true = possible(term), is_false = possible({.acl = term.acl, .negated = !term.negated});
      some_true |= is_true, all_true &= is_true;
      some_false |= is_false, all_false &= is_false;
    }
    if (test.how == all) return {all_true, some_false};
    return test.how == any ? Possible{some_true, all_false} : Possible{all_false, some_true};
  }

  const Policy& policy_;
  std::vector<AtState> at_states_;
  std::vector<std::optional<Possible>> possible_;  // by acl
  std::vector<States> reached_at_;  // by chain
  Doubts doubts_;
};

}  // namespace

Doubts doubt_unknowable(const Policy& policy) { return Reader{policy}.run(); }

}  // namespace policymux
