#include "rule/names.h"

#include "base/text.h"
#include "rule/report.h"

namespace policymux {

std::pair<std::uint32_t, bool> NameTable::add(std::string_view name) {
  const auto next = static_cast<std::uint32_t>(names_.size());
  const auto [entry, is_new] = numbers_.emplace(name, next);
  if (is_new) names_.push_back(entry->first);
  return {entry->second, is_new};
}

std::optional<std::uint32_t> NameTable::find(std::string_view name) const {
  const auto found = numbers_.find(name);
  if (found == numbers_.end()) return std::nullopt;
  return found->second;
}

std::string NameTable::hint(std::string_view word) {
  constexpr std::size_t most_comparisons = 1'000'000;
  constexpr std::size_t shortest = 3;  // letters; of fewer, one edit leaves too little
  if (word.size() < shortest || compared_ > most_comparisons) return {};
  compared_ += names_.size();
  const auto meant = nearest(word, names_);
  return meant ? did_you_mean(*meant) : std::string{};
}

}  // namespace policymux
