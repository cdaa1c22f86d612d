// Sets of ids that share what they have in common: what an index over ranges answers with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/large_pages.h"
#include "match/id_list.h"

namespace policymux {

// Many sets of ids, each known by a reference. A set is a binary trie over the bits of its ids; equal
// (sub)tries are one. So equal sets have equal references, a set of one id costs nothing, and one id more
// or less costs a path of at most 30 nodes, however large the set is: n ranges that overlap in any way
// have 2n different answers, of up to n ids each, in O(n log n) memory.
class IdSets {
 public:
  using Ref = std::uint32_t;  // below id_limit: the set of that id alone; else a node
  static constexpr Ref empty = id_limit;
  static constexpr Ref reference_limit = 1u << 31;  // the bit above is the owner's to use

  Ref with(Ref set, std::uint32_t id);
  Ref without(Ref set, std::uint32_t id);
  // Said once: no set will be made any more. Frees what only that needs. Where they are few and small, the sets are
  // written out, in at most three times the memory: a row of ids is read sooner than a trie is walked.
  void seal();

  // Adds the ids of `set`, ascending, each once. Cost: O(ids).
  void append(Ref set, IdList& out) const {
    if (set < empty)
      out.push_back(set);
    else if (set != empty)
      append_node(set, out);
  }
  std::size_t memory() const {
    return nodes_.capacity() * sizeof(Node) + (rows_.capacity() + row_ids_.capacity()) * sizeof(std::uint32_t);
  }

 private:
  // The ids below `middle` are in `low`, the others in `high`; all share the bits above the lowest set
  // bit of `middle`.
  struct Node {
    std::uint32_t middle;
    Ref low, high;
  };
  static constexpr Ref node_bit = 1u << 30;
  static_assert(id_limit < node_bit);

  static std::size_t index(Ref set) { return set & ~node_bit; }
  Node node(Ref set) const { return nodes_[index(set)]; }
  Ref make(std::uint32_t middle, Ref low, Ref high);
  Ref join(std::uint32_t id, Ref set, std::uint32_t member_of_set);
  void write_out();
  void append_node(Ref set, IdList& out) const;

  static constexpr std::size_t most_written_out = 1u << 17, most_a_node = 8;  // ids

  LargeVector<Node> nodes_;
  std::unordered_map<std::uint64_t, Ref> made_;  // by (low, high)
  LargeVector<std::uint32_t> rows_;              // by node: where its ids begin in row_ids_; empty: not written out
  LargeVector<std::uint32_t> row_ids_;
};

}  // namespace policymux
