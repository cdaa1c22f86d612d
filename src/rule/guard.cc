#include "rule/guard.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

namespace policymux {
namespace {

// A line is a candidate when one of `predicates` holds; none: there is no guard. `cost` estimates how many lines
// a request must look at because of it.
struct Guard {
  std::vector<PredicateId> predicates;
  double cost = std::numeric_limits<double>::infinity();
};
constexpr std::size_t max_guard_predicates = 64;

// Attributes with so few values that knowing one tells little.
bool has_few_values(const Source& source) {
  if (!source.attribute) return false;
  switch (*source.attribute) {
    case Attribute::request: case Attribute::protocol_state: case Attribute::protocol_name:
    case Attribute::server_address: case Attribute::server_port: case Attribute::stress:
    case Attribute::sasl_method: case Attribute::encryption_protocol: case Attribute::encryption_cipher:
    case Attribute::encryption_keysize: case Attribute::policy_context: case Attribute::compatibility_level:
    case Attribute::mail_version:
      return true;
    default:
      return false;
  }
}

// A guess at the share of requests for which one value of such an index holds.
double hit_rate(Way way) {
  switch (way) {
    case Way::exact: return 0.0001;
    case Way::address: case Way::domain: return 0.001;
    case Way::prefix: case Way::suffix: return 0.003;
    case Way::regex: return 0.01;
    case Way::number: return 0.3;
  }
  return 1;
}
constexpr double list_hit_rate = 0.05, few_values_hit_rate = 0.5;

// Ways that compute least are asked first: what their hits lead to is on its way from memory while the others compute.
int turn(Way way) {
  switch (way) {
    case Way::exact: case Way::domain: return 0;
    case Way::address: case Way::number: case Way::prefix: case Way::suffix: return 1;
    case Way::regex: return 2;
  }
  return 2;
}

class Filing {
 public:
  explicit Filing(Table& table) : table_{table}, uses_(table.predicates.size()), known_(table.predicates.size()) {
    for (const auto& term : table.terms) ++uses_[term.predicate];
  }

  void run() {
    std::vector<std::vector<LineId>> guarded(table_.predicates.size());
    for (auto& chain : table_.chains) file(chain, guarded);
    table_.guarded.reserve(guarded.size());
    for (PredicateId predicate = 0; predicate < guarded.size(); ++predicate) {
      const auto& lines = guarded[predicate];
      const bool own = lines.size() == 1 && lines.front() == predicate;
      if (own) table_.lines[predicate].is_own_guarded = true;
      table_.guarded.push_back(own ? Run{} : append_run(table_.guarded_lines, lines));
    }
  }

 private:
  void file(CompiledChain& chain, std::vector<std::vector<LineId>>& guarded) {
    std::vector<GroupId> groups;
    std::vector<LineId> unguarded;
    for (LineId line = chain.lines.begin; line < chain.lines.begin + chain.lines.size; ++line) {
      const auto guard = guard_of(table_.lines[line]);
      if (guard.predicates.empty()) unguarded.push_back(line);
      table_.lines[line].is_its_guard = is_only_term(table_.lines[line], guard);
      for (const auto predicate : guard.predicates) {
        guarded[predicate].push_back(line);
        const auto asked = slice(table_.groups_of, table_.predicates[predicate].parts);
        groups.insert(groups.end(), asked.begin(), asked.end());
      }
    }
    std::sort(groups.begin(), groups.end());
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
    std::ranges::stable_sort(groups, {}, [this](GroupId group) { return turn(table_.groups[group].way); });
    chain.unguarded = append_run(table_.unguarded, unguarded);
    chain.guard_groups = append_run(table_.guard_groups, groups);
  }

  Guard guard_of(const Line& line) {
    Guard best;
    const auto terms = slice(table_.terms, line.terms);
    for (const auto& term : terms.first(line.inline_terms)) keep_cheaper(best, guard_of(term.predicate, term.negated));
    return best;
  }

  bool is_only_term(const Line& line, const Guard& guard) const {
    if (line.terms.size != 1 || guard.predicates.size() != 1) return false;
    const auto& term = table_.terms[line.terms.begin];
    return !term.negated && term.predicate == guard.predicates.front();
  }

  static void keep_cheaper(Guard& best, const Guard& other) {
    if (!other.predicates.empty() && other.cost < best.cost) best = other;
  }

  // What must hold for the (negated) predicate to be TRUE. Composites may share members: each is worked out once.
  const Guard& guard_of(PredicateId id, bool negated) {
    auto& known = known_[id][negated ? 1 : 0];
    if (!known) {
      auto guard = work_out(id, negated);
      std::ranges::sort(guard.predicates);
      const auto twice = std::ranges::unique(guard.predicates);
      guard.predicates.erase(twice.begin(), twice.end());
      known_[id][negated ? 1 : 0] = std::move(guard);
    }
    return *known_[id][negated ? 1 : 0];
  }

  Guard work_out(PredicateId id, bool negated) {
    const auto& predicate = table_.predicates[id];
    if (predicate.on_error != OnError::unknown || predicate.depends_on_score) return {};
    if (predicate.kind == Predicate::Kind::indexed && !negated) return {{id}, hit_rate_of(predicate) * uses_[id]};
    if (predicate.kind != Predicate::Kind::composite) return {};
    // !any(a, b) is all(!a, !b); none is !any.
    const bool flip = negated != (predicate.how == CompositeTest::How::none);
    const bool needs_all = (predicate.how == CompositeTest::How::all) != flip;
    return needs_all ? cheapest_member(predicate, flip) : all_members(predicate, flip);
  }

  Guard cheapest_member(const Predicate& predicate, bool flip) {
    Guard best;
    for (const auto& term : slice(table_.terms, predicate.parts))
      keep_cheaper(best, guard_of(term.predicate, term.negated != flip));
    return best;
  }

  Guard all_members(const Predicate& predicate, bool flip) {
    Guard sum{.predicates = {}, .cost = 0};
    for (const auto& term : slice(table_.terms, predicate.parts)) {
      const auto& member = guard_of(term.predicate, term.negated != flip);
      if (member.predicates.empty()) return {};
      sum.cost += member.cost;
      sum.predicates.insert(sum.predicates.end(), member.predicates.begin(), member.predicates.end());
      if (sum.predicates.size() > max_guard_predicates) return {};
    }
    return sum;
  }

  double hit_rate_of(const Predicate& predicate) const {
    if (has_few_values(table_.slots[predicate.slot].source)) return few_values_hit_rate;
    double rate = 0;
    for (const auto id : slice(table_.groups_of, predicate.parts)) {
      const auto& group = table_.groups[id];
      rate += hit_rate(group.way) + (group.lists.empty() ? 0 : list_hit_rate);
    }
    return rate;
  }

  Table& table_;
  std::vector<std::uint32_t> uses_;                          // of each predicate, by lines and composites
  std::vector<std::array<std::optional<Guard>, 2>> known_;   // by predicate: as it is, negated
};

}  // namespace

void file_lines(Table& table) { Filing{table}.run(); }

}  // namespace policymux
