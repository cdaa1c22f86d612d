// Which tests hold whenever another one does, because of their values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "rule/policy.h"
#include "rule/table.h"

namespace policymux {

// Texts, domains, addresses and numbers by the tests that have them. What a list file says is not looked at: it may
// change; but two tests may have the same file.
//   Cost  about linear in the values; of what stands in very many tests nothing is said.
class WiderTests {
 public:
  WiderTests(const Policy& policy, const Table& table);

  // The other predicates that hold whenever this one does, ascending: for each of its values they have one that holds
  // it.
  const std::vector<PredicateId>& of(PredicateId predicate);

  // Both are lists of exact values of the same text, and have none in common: they never hold together.
  bool are_disjoint(PredicateId one, PredicateId other) const;

 private:
  using NodeId = std::uint32_t;
  static constexpr NodeId no_node = ~NodeId{0};
  // A value.
  struct Node {
    std::vector<PredicateId> predicates{};  // that have it
    NodeId wider = no_node;                 // the smallest known one that holds it
  };
  struct Values {
    std::vector<NodeId> nodes{};  // no_node: a value of which nothing is known. Ascending
    std::string exact_text{};     // what is compared, if these are exact values and nothing else; empty: they are not
  };
  struct Range {
    std::string_view about;
    Address first, last;
    PredicateId predicate;
  };

  void add(PredicateId predicate, const TextTest& test);
  void add(PredicateId predicate, const AddressTest& test);
  void add(PredicateId predicate, const NumberTest& test);
  template <class Other>
  void add(PredicateId, const Other&) {}
  void add_files(PredicateId predicate, const std::string& about, const std::vector<ValueFilePtr>& files);
  void add_ranges();
  void file(PredicateId predicate, NodeId node);
  NodeId node_of(const std::string& key);
  NodeId domain_node(const std::string& about, std::string_view domain);

  std::vector<PredicateId> find(PredicateId predicate) const;
  std::vector<PredicateId> holders_of(NodeId node) const;

  std::vector<Node> nodes_;
  std::unordered_map<std::string, NodeId> texts_;
  std::vector<Range> ranges_;
  std::vector<Values> values_;                                   // by predicate
  std::vector<std::optional<std::vector<PredicateId>>> known_;   // by predicate
};

}  // namespace policymux
