#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "rule/graph.h"
#include "rule/lint_parts.h"
#include "rule/source.h"

namespace policymux {
namespace {

constexpr std::size_t most_steps = 20'000'000;
constexpr std::size_t most_holders = 100;  // of one value; what stands in more lists is passed over

// A predicate or its opposite.
using Literal = std::uint32_t;
constexpr Literal literal(PredicateId predicate, bool negated) { return 2 * predicate + (negated ? 1 : 0); }

// Which lists of exact values or domains hold which values, by predicate.
class Lists {
 public:
  Lists(const Policy& policy, const Table& table) : tests_(table.predicates.size()), holders_(table.predicates.size()) {
    for (std::uint32_t acl = 0; acl < policy.acls.size(); ++acl) {
      const auto predicate = table.predicate_of_acl[acl];
      const auto* test = std::get_if<TextTest>(&policy.acls[acl].test);
      if (predicate == Table::no_predicate || test == nullptr || tests_[predicate] != nullptr) continue;
      if (test->match != TextMatch::exact && test->match != TextMatch::domain) continue;
      tests_[predicate] = test;
      for (const auto& value : test->values) add(lists_[key(*test, folded(*test, value))], predicate);
    }
  }

  // The other predicates that hold whenever this one does.
  const std::vector<PredicateId>& holders(PredicateId predicate) {
    auto& known = holders_[predicate];
    if (!known) known = find_holders(predicate);
    return *known;
  }

 private:
  static void add(std::vector<PredicateId>& all, PredicateId one) {
    if (all.empty() || all.back() != one) all.push_back(one);
  }

  static std::string key(const TextTest& test, std::string_view value) {
    return fmt::format("{}\x1f{}\x1f{}{}\x1f{}", test.source.name, static_cast<int>(test.source.derivation),
                       static_cast<int>(test.match), test.case_sensitive, value);
  }

  static std::string folded(const TextTest& test, std::string_view value) {
    if (test.match == TextMatch::exact) value = exact_text(test.source, value);
    while (test.match == TextMatch::domain && value.ends_with('.')) value.remove_suffix(1);
    return test.case_sensitive ? std::string{value} : to_lower(value);
  }

  std::vector<PredicateId> find_holders(PredicateId predicate) const {
    const auto* test = tests_[predicate];
    if (test == nullptr || test->values.empty() || !test->files.empty()) return {};
    auto common = holders_of(*test, test->values.front());
    for (std::size_t i = 1; i < test->values.size() && common.size() > 1; ++i) {
      const auto others = holders_of(*test, test->values[i]);
      std::erase_if(common, [&](PredicateId one) { return !std::ranges::binary_search(others, one); });
    }
    std::erase(common, predicate);
    return common;
  }

  // Ascending.
  std::vector<PredicateId> holders_of(const TextTest& test, std::string_view value) const {
    const auto text = folded(test, value);
    std::vector<PredicateId> found;
    const auto collect = [&](std::string_view entry) {
      const auto list = lists_.find(key(test, entry));
      if (list == lists_.end() || list->second.size() > most_holders) return;
      found.insert(found.end(), list->second.begin(), list->second.end());
    };
    if (test.match == TextMatch::exact) {
      collect(text);
    } else {
      for_each_wider_domain(text, collect);
    }
    std::ranges::sort(found);
    const auto twice = std::ranges::unique(found);
    found.erase(twice.begin(), twice.end());
    return found;
  }

  // "a.b": "a.b", ".b", "b". ".b": ".b", "b".
  template <class F>
  static void for_each_wider_domain(std::string_view domain, F f) {
    while (true) {
      f(domain);
      const auto dot = domain.find('.');
      if (dot == domain.npos) return;
      domain.remove_prefix(dot == 0 ? 1 : dot);
    }
  }

  std::unordered_map<std::string, std::vector<PredicateId>> lists_;
  std::vector<const TextTest*> tests_;  // by predicate; nullptr: no list of values
  std::vector<std::optional<std::vector<PredicateId>>> holders_;
};

class Search {
 public:
  Search(const Policy& policy, const Table& table)
      : policy_{policy},
        table_{table},
        lists_{policy, table},
        uses_(2 * table.predicates.size()),
        marks_(uses_.size()) {
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
      const auto& line = policy_.lines[number];
      auto own = literals(line);
      if (const auto* earlier = shadow_of(own)) {
        doubts_.push_back({line.place, {"this line never matches: " + policy_.where(earlier->place) +
                                        " comes first and matches whenever this one would"}});
      } else if (ends_chain(policy_, line)) {
        file(line, std::move(own));
      }
    }
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

  // An earlier line that matches whenever all of these hold.
  const Access* shadow_of(const std::vector<Literal>& own) {
    if (catch_all_ != nullptr) return catch_all_;
    const auto implied = with_holders(own);
    ++mark_;
    for (const auto one : implied) marks_[one] = mark_;
    for (const auto one : implied) {
      const auto lines = filed_.find(one);
      if (lines == filed_.end()) continue;
      for (const auto& filed : lines->second) {
        if (++steps_ > most_steps) return nullptr;
        if (std::ranges::all_of(filed.literals, [this](Literal test) { return marks_[test] == mark_; }))
          return filed.line;
      }
    }
    return nullptr;
  }

  std::vector<Literal> with_holders(const std::vector<Literal>& own) {
    auto out = own;
    for (const auto one : own) {
      if (one % 2 != 0) continue;
      for (const auto holder : lists_.holders(one / 2)) out.push_back(literal(holder, false));
    }
    return out;
  }

  const Policy& policy_;
  const Table& table_;
  Lists lists_;
  std::vector<std::uint32_t> uses_;   // by literal: how many lines have it
  std::vector<std::uint32_t> marks_;  // by literal: it is among those looked at, if it is `mark_`
  std::uint32_t mark_ = 0;
  std::size_t steps_ = 0;
  std::unordered_map<Literal, std::vector<Filed>> filed_;
  const Access* catch_all_ = nullptr;  // a line of the chain that matches always
  Doubts doubts_;
};

}  // namespace

Doubts doubt_shadowed(const Policy& policy, const Table& table) { return Search{policy, table}.run(); }

}  // namespace policymux
