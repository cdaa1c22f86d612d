#include "match/id_set.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

namespace policymux {

namespace {

// Does `id` share the bits above the lowest set bit of `middle`?
bool shares_prefix(std::uint32_t id, std::uint32_t middle) {
  const std::uint32_t branch = middle & (~middle + 1);
  return ((id ^ middle) & ~(branch | (branch - 1))) == 0;
}

}  // namespace

IdSets::Ref IdSets::make(std::uint32_t middle, Ref low, Ref high) {
  assert(rows_.empty());
  const auto [at, fresh] = made_.try_emplace(std::uint64_t{low} << 32 | high, empty);
  if (fresh) {
    assert(nodes_.size() < node_bit);
    at->second = node_bit | static_cast<Ref>(nodes_.size());
    nodes_.push_back({middle, low, high});
  }
  return at->second;
}

IdSets::Ref IdSets::join(std::uint32_t id, Ref set, std::uint32_t member_of_set) {
  const auto branch = std::bit_floor(id ^ member_of_set);
  const auto middle = (id | branch) & ~(branch - 1);
  return id < member_of_set ? make(middle, id, set) : make(middle, set, id);
}

IdSets::Ref IdSets::with(Ref set, std::uint32_t id) {
  assert(id < id_limit);
  if (set == empty || set == id) return id;
  if (set < empty) return join(id, set, set);
  const auto [middle, low, high] = node(set);
  if (!shares_prefix(id, middle)) return join(id, set, middle);
  return id < middle ? make(middle, with(low, id), high) : make(middle, low, with(high, id));
}

IdSets::Ref IdSets::without(Ref set, std::uint32_t id) {
  if (set <= empty) return set == id ? empty : set;
  const auto [middle, low, high] = node(set);
  if (!shares_prefix(id, middle)) return set;
  const auto rest = without(id < middle ? low : high, id);
  if (rest == empty) return id < middle ? high : low;
  return id < middle ? make(middle, rest, high) : make(middle, low, rest);
}

void IdSets::seal() {
  assert(rows_.empty());
  made_ = {};
  write_out();
  nodes_.shrink_to_fit();
}

// A node's parts were made before it.
void IdSets::write_out() {
  const auto most = std::min(most_written_out, most_a_node * nodes_.size());
  IdList ids;
  LargeVector<std::uint32_t> rows{0};
  for (Ref i = 0; i < nodes_.size(); ++i) {
    append_node(node_bit | i, ids);
    if (ids.size() > most) return;
    rows.push_back(static_cast<std::uint32_t>(ids.size()));
  }
  rows_ = std::move(rows);
  row_ids_.assign(ids.begin(), ids.end());
  rows_.shrink_to_fit();
  nodes_.clear();
}

void IdSets::append_node(Ref set, IdList& out) const {
  if (!rows_.empty()) {
    const auto begin = row_ids_.begin();
    out.insert(out.end(), begin + rows_[index(set)], begin + rows_[index(set) + 1]);
    return;
  }
  const auto [middle, low, high] = node(set);
  append(low, out);
  append(high, out);
}

}  // namespace policymux
