#include "rule/wider.h"

#include <algorithm>
#include <tuple>
#include <variant>

#include <fmt/format.h>

#include "base/text.h"
#include "match/shape.h"
#include "rule/value_files.h"
#include "rule/values.h"

namespace policymux {
namespace {

constexpr std::size_t most_holders = 100;  // of one value; what stands in more tests is passed over
constexpr int most_wider = 32;             // values that hold a value are looked at
constexpr std::size_t most_compared = 1000;
// Bytes of a text that no limit on work keeps from being found.
constexpr std::size_t shortest_found = 2, longest_found = 256;

// What is compared with the values, and how.
std::string about(const TextTest& test, Way way) {
  return fmt::format("{}\x1f{}\x1f{}\x1f{}\x1f", test.source.name, static_cast<int>(test.source.derivation),
                     static_cast<int>(way), test.case_sensitive);
}

// Nothing: a pattern that an engine must run, which may give up on one copy of it and not on another one.
std::optional<std::string> searched_text(const TextTest& test, std::string_view pattern) {
  const auto shape = shape_of(pattern);
  const auto size = shape.text.size();
  if (shape.kind != Shape::Kind::substring || test.case_sensitive) return std::nullopt;
  if (size < shortest_found || size > longest_found) return std::nullopt;
  return to_lower(shape.text);
}

Address point(std::int64_t number) {
  return {.low = static_cast<std::uint64_t>(number) ^ std::uint64_t{1} << 63};
}

}  // namespace

WiderTests::WiderTests(const Policy& policy, const Table& table)
    : values_(table.predicates.size()), known_(table.predicates.size()) {
  for (std::uint32_t acl = 0; acl < policy.acls.size(); ++acl) {
    const auto predicate = table.predicate_of_acl[acl];
    if (predicate == Table::no_predicate || !values_[predicate].nodes.empty()) continue;
    std::visit([&](const auto& test) { add(predicate, test); }, policy.acls[acl].test);
  }
  add_ranges();
  for (auto& values : values_) std::ranges::sort(values.nodes);
}

const std::vector<PredicateId>& WiderTests::of(PredicateId predicate) {
  auto& known = known_[predicate];
  if (!known) known = find(predicate);
  return *known;
}

bool WiderTests::are_disjoint(PredicateId one, PredicateId other) const {
  const auto &a = values_[one], &b = values_[other];
  if (a.exact_text.empty() || a.exact_text != b.exact_text) return false;
  if (a.nodes.size() + b.nodes.size() > most_compared) return false;
  return std::ranges::none_of(a.nodes, [&](NodeId node) { return std::ranges::binary_search(b.nodes, node); });
}

// --- the values -------------------------------------------------------------------------------------------------

void WiderTests::add(PredicateId predicate, const TextTest& test) {
  bool all_exact = test.files.empty() && !test.values.empty();
  for (const auto& value : test.values) {
    auto [way, text] = filed_text(test, value);
    all_exact &= way == Way::exact;
    if (way == Way::domain) {
      file(predicate, domain_node(about(test, way), text));
    } else if (way == Way::regex) {
      const auto searched = searched_text(test, text);
      file(predicate, searched ? node_of(about(test, way) + *searched) : no_node);
    } else {
      file(predicate, node_of(about(test, way) + text));
    }
  }
  if (const auto form = list_form(test)) add_files(predicate, about(test, form->way), test.files);
  else if (!test.files.empty()) file(predicate, no_node);
  if (all_exact) values_[predicate].exact_text = about(test, Way::exact);
}

void WiderTests::add(PredicateId predicate, const AddressTest& test) {
  for (const auto& range : test.ranges) ranges_.push_back({test.source.name, range.first, range.last, predicate});
  add_files(predicate, test.source.name, test.files);
}

void WiderTests::add(PredicateId predicate, const NumberTest& test) {
  for (const auto& range : test.ranges) {
    ranges_.push_back({test.source.name, point(range.first), point(range.last), predicate});
  }
}

void WiderTests::add_files(PredicateId predicate, const std::string& about, const std::vector<ValueFilePtr>& files) {
  for (const auto& list : files) file(predicate, node_of(about + "\x1e" + list->path()));
}

void WiderTests::file(PredicateId predicate, NodeId node) {
  values_[predicate].nodes.push_back(node);
  if (node == no_node) return;
  auto& all = nodes_[node].predicates;
  if (all.size() <= most_holders && (all.empty() || all.back() != predicate)) all.push_back(predicate);
}

WiderTests::NodeId WiderTests::node_of(const std::string& key) {
  const auto [at, added] = texts_.emplace(key, static_cast<NodeId>(nodes_.size()));
  if (added) nodes_.emplace_back();
  return at->second;
}

// "a.b" lies in ".b", which lies in "b".
WiderTests::NodeId WiderTests::domain_node(const std::string& about, std::string_view domain) {
  while (domain.ends_with('.')) domain.remove_suffix(1);
  const auto first = node_of(about + std::string{domain});
  for (auto node = first; nodes_[node].wider == no_node;) {
    const auto dot = domain.find('.');
    if (dot == domain.npos) break;
    domain.remove_prefix(dot == 0 ? 1 : dot);
    const auto wider = node_of(about + std::string{domain});
    nodes_[node].wider = wider;
    node = wider;
  }
  return first;
}

// Behind a range come those that it holds. Of ranges that overlap otherwise some that hold another are overlooked.
void WiderTests::add_ranges() {
  const auto begins = [](const Range& range) { return std::tuple{range.about, range.first.v6, range.first}; };
  std::ranges::sort(ranges_, [&](const Range& a, const Range& b) {
    const auto x = begins(a), y = begins(b);
    return x != y ? x < y : a.last > b.last;
  });
  std::vector<std::pair<const Range*, NodeId>> open;
  for (const auto& range : ranges_) {
    const auto holds = [&](const Range& wide) {
      return wide.about == range.about && wide.first.v6 == range.first.v6 && range.last <= wide.last;
    };
    while (!open.empty() && !holds(*open.back().first)) open.pop_back();
    const auto* wide = open.empty() ? nullptr : open.back().first;
    if (wide == nullptr || wide->first != range.first || wide->last != range.last) {
      nodes_.push_back({.wider = open.empty() ? no_node : open.back().second});
      open.emplace_back(&range, static_cast<NodeId>(nodes_.size() - 1));
    }
    file(range.predicate, open.back().second);
  }
  ranges_ = {};
}

// --- what holds them --------------------------------------------------------------------------------------------

std::vector<PredicateId> WiderTests::find(PredicateId predicate) const {
  const auto& nodes = values_[predicate].nodes;
  if (nodes.empty() || nodes.back() == no_node) return {};
  auto common = holders_of(nodes.front());
  for (std::size_t i = 1; i < nodes.size() && !common.empty(); ++i) {
    const auto others = holders_of(nodes[i]);
    std::erase_if(common, [&](PredicateId one) { return !std::ranges::binary_search(others, one); });
  }
  std::erase(common, predicate);
  return common;
}

// Ascending.
std::vector<PredicateId> WiderTests::holders_of(NodeId node) const {
  std::vector<PredicateId> found;
  for (int steps = 0; node != no_node && steps < most_wider; node = nodes_[node].wider, ++steps) {
    const auto& predicates = nodes_[node].predicates;
    if (predicates.size() <= most_holders) found.insert(found.end(), predicates.begin(), predicates.end());
  }
  std::ranges::sort(found);
  const auto twice = std::ranges::unique(found);
  found.erase(twice.begin(), twice.end());
  return found;
}

}  // namespace policymux
