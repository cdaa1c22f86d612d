// Names that statements define and other statements use: to numbers, with help for those that are misspelled.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace policymux {

class NameTable {
 public:
  // The number of the name, counted from 0 in the order of their coming, and whether it is new.
  std::pair<std::uint32_t, bool> add(std::string_view name);
  std::optional<std::uint32_t> find(std::string_view name) const;

  // "did you mean 'name'?", or nothing. Of many misspelled names among many only the first ones get help:
  // at most a million comparisons are spent.
  std::string hint(std::string_view word);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> numbers_;
  std::vector<std::string_view> names_;  // keys of numbers_
  std::size_t compared_ = 0;
};

}  // namespace policymux
