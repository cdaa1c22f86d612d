#include "rule/implied.h"

#include <algorithm>

namespace policymux {
namespace {

constexpr std::size_t most_gates = 100;     // with a part in common; of a part of more nothing is concluded
constexpr std::size_t most_compared = 20;   // tests of a line, each with each

}  // namespace

Implications::Implications(const Policy& policy, const Table& table)
    : table_{table},
      wider_{policy, table},
      gate_of_(table.predicates.size()),
      part_of_(2 * table.predicates.size()),
      marks_(part_of_.size()) {
  for (PredicateId one = 0; one < table.predicates.size(); ++one) {
    if (table.predicates[one].kind == Predicate::Kind::composite) add_gate(one);
  }
}

void Implications::add_gate(PredicateId predicate) {
  using enum CompositeTest::How;
  const auto& composite = table_.predicates[predicate];
  Gate gate{.whole = literal(predicate, composite.how == any), .shows_parts = composite.on_error == OnError::unknown};
  for (const auto& term : slice(table_.terms, composite.parts)) {
    gate.parts.push_back(literal(term.predicate, term.negated != (composite.how != all)));
  }
  std::ranges::sort(gate.parts);
  const auto twice = std::ranges::unique(gate.parts);
  gate.parts.erase(twice.begin(), twice.end());
  for (const auto part : gate.parts) part_of_[part].push_back(static_cast<std::uint32_t>(gates_.size()));
  gates_.push_back(std::move(gate));
  gate_of_[predicate] = static_cast<std::uint32_t>(gates_.size());
}

const std::vector<Literal>& Implications::draw(const std::vector<Literal>& from) {
  ++mark_;
  drawn_.clear();
  is_contradiction_ = false;
  for (const auto one : from) add(one);
  for (std::size_t i = 0; i < drawn_.size(); ++i) conclude_from(drawn_[i]);
  exclude_disjoint(from);
  return drawn_;
}

void Implications::add(Literal one) {
  ++steps_;
  if (has(one)) return;
  if (has(opposite(one))) is_contradiction_ = true;
  marks_[one] = mark_;
  drawn_.push_back(one);
}

void Implications::conclude_from(Literal one) {
  const PredicateId predicate = one / 2;
  if (one == literal(predicate, false)) {
    for (const auto wider : wider_.of(predicate)) add(literal(wider, false));
  }
  if (const auto number = gate_of_[predicate]; number != 0) {
    const auto& gate = gates_[number - 1];
    if (gate.whole == one && gate.shows_parts) std::ranges::for_each(gate.parts, [this](Literal part) { add(part); });
  }
  if (part_of_[one].size() <= most_gates) {
    for (const auto number : part_of_[one]) count_part(gates_[number]);
  }
  if (part_of_[opposite(one)].size() <= most_gates) {
    for (const auto number : part_of_[opposite(one)]) add(opposite(gates_[number].whole));
  }
}

void Implications::count_part(Gate& gate) {
  ++steps_;
  if (gate.mark != mark_) gate.mark = mark_, gate.drawn = 0;
  if (++gate.drawn == gate.parts.size()) add(gate.whole);
}

void Implications::exclude_disjoint(const std::vector<Literal>& from) {
  if (from.size() > most_compared) return;
  for (std::size_t i = 0; i < from.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const bool are_tests = from[i] % 2 == 0 && from[j] % 2 == 0;
      if (are_tests && wider_.are_disjoint(from[i] / 2, from[j] / 2)) is_contradiction_ = true;
    }
  }
}

}  // namespace policymux
