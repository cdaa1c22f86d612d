// What must be TRUE when some tests are.
#pragma once

#include <cstdint>
#include <vector>

#include "rule/policy.h"
#include "rule/table.h"
#include "rule/wider.h"

namespace policymux {

// A predicate or its opposite.
using Literal = std::uint32_t;
constexpr Literal literal(PredicateId predicate, bool negated) { return 2 * predicate + (negated ? 1 : 0); }
constexpr Literal opposite(Literal one) { return one ^ 1; }

// Draws conclusions from any, all and none and from lists of values; not all that could be drawn, none that is wrong.
//   REQUIRES  `table` was compiled from `policy`, and both outlive it.
class Implications {
 public:
  Implications(const Policy& policy, const Table& table);

  // What is TRUE when all of these are, they themselves first. Valid until the next call.
  const std::vector<Literal>& draw(const std::vector<Literal>& from);

  // Of what was drawn last: is it among it?
  bool has(Literal one) const { return marks_[one] == mark_; }
  // ... can it not be?
  bool is_contradiction() const { return is_contradiction_; }
  // How much work that was so far.
  std::size_t steps() const { return steps_; }

 private:
  // any, all or none as an `and`: `whole` is TRUE when all parts are, FALSE when one is.
  struct Gate {
    Literal whole;
    bool shows_parts;               // its parts are TRUE when the whole is: a failed look-up counts as nothing else
    std::vector<Literal> parts{};   // once each
    std::uint32_t mark = 0, drawn = 0;  // how many parts are among what is drawn, if it has this mark
  };

  void add_gate(PredicateId predicate);
  void add(Literal one);
  void conclude_from(Literal one);
  void count_part(Gate& gate);
  void exclude_disjoint(const std::vector<Literal>& from);

  const Table& table_;
  WiderTests wider_;
  std::vector<Gate> gates_;
  std::vector<std::uint32_t> gate_of_;               // by predicate; 1 + index, 0: none
  std::vector<std::vector<std::uint32_t>> part_of_;  // by literal: gates
  std::vector<std::uint32_t> marks_;                 // by literal
  std::vector<Literal> drawn_;
  std::uint32_t mark_ = 0;
  bool is_contradiction_ = false;
  std::size_t steps_ = 0;
};

}  // namespace policymux
