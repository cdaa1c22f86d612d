#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "rule/graph.h"
#include "rule/implied.h"
#include "rule/lint_parts.h"

namespace policymux {
namespace {

constexpr std::size_t most_steps = 20'000'000;

// The checker has told that.
bool names_opposites(const Access& line) {
  return std::ranges::any_of(line.terms, [&](const Term& term) {
    return !term.negated && std::ranges::find(line.terms, Term{term.acl, true}) != line.terms.end();
  });
}

class Search {
 public:
  Search(const Policy& policy, const Table& table)
      : policy_{policy},
        table_{table},
        implications_{policy, table},
        uses_(2 * table.predicates.size()) {
    for (const auto& line : policy.lines) {
      for (const auto one : literals(line)) ++uses_[one];
    }
  }

  Doubts run() {
    for (const auto& chain : policy_.chains) search(chain);
    return std::move(doubts_);
  }

 private:
  struct Filed {
    const Access* line;
    std::vector<Literal> literals;
  };

  // What must be TRUE for the line to match, once each.
  std::vector<Literal> literals(const Access& line) const {
    std::vector<Literal> out;
    for (const auto& term : line.terms) {
      const auto predicate = table_.predicate_of_acl[term.acl];
      if (table_.predicates[predicate].order != TestKind::log) out.push_back(literal(predicate, term.negated));
    }
    std::ranges::sort(out);
    const auto twice = std::ranges::unique(out);
    out.erase(twice.begin(), twice.end());
    return out;
  }

  void search(const Chain& chain) {
    filed_.clear();
    catch_all_ = nullptr;
    for (const auto number : chain.lines) {
      if (steps_ + implications_.steps() > most_steps) return;
      const auto& line = policy_.lines[number];
      auto own = literals(line);
      const auto& drawn = implications_.draw(own);
      if (implications_.is_contradiction()) {
        if (!names_opposites(line)) doubt(line, "its tests never hold together");
      } else if (const auto* earlier = shadow_of(drawn)) {
        doubt(line, policy_.where(earlier->place) + " comes first and matches whenever this one would");
      } else if (ends_chain(policy_, line)) {
        file(line, std::move(own));
      }
    }
  }

  void doubt(const Access& line, std::string_view why) {
    doubts_.push_back({line.place, {"this line never matches: " + std::string{why}}});
  }

  // Under the test that the fewest lines have. What a score decides may be otherwise by the time of a later line.
  void file(const Access& line, std::vector<Literal> own) {
    const auto on_score = [this](Literal one) { return table_.predicates[one / 2].depends_on_score; };
    if (std::ranges::any_of(own, on_score)) return;
    if (own.empty()) {
      catch_all_ = &line;
      return;
    }
    const auto rarest = *std::ranges::min_element(own, {}, [this](Literal one) { return uses_[one]; });
    filed_[rarest].push_back({&line, std::move(own)});
  }

  // An earlier line that matches whenever all that was drawn holds.
  const Access* shadow_of(const std::vector<Literal>& drawn) {
    if (catch_all_ != nullptr) return catch_all_;
    for (const auto one : drawn) {
      const auto lines = filed_.find(one);
      if (lines == filed_.end()) continue;
      for (const auto& filed : lines->second) {
        if (++steps_ > most_steps) return nullptr;
        if (std::ranges::all_of(filed.literals, [this](Literal test) { return implications_.has(test); }))
          return filed.line;
      }
    }
    return nullptr;
  }

  const Policy& policy_;
  const Table& table_;
  Implications implications_;
  std::vector<std::uint32_t> uses_;   // by literal: how many lines have it
  std::size_t steps_ = 0;
  std::unordered_map<Literal, std::vector<Filed>> filed_;
  const Access* catch_all_ = nullptr;  // a line of the chain that matches always
  Doubts doubts_;
};

}  // namespace

Doubts doubt_shadowed(const Policy& policy, const Table& table) { return Search{policy, table}.run(); }

}  // namespace policymux
