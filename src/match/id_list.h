// Ids, as every index of this room answers with them.
#pragma once

#include <cstdint>
#include <vector>

namespace policymux {

// What find() adds to: ids of everything that matched.
using IdList = std::vector<std::uint32_t>;

// REQUIRES of every index: ids are below this.
inline constexpr std::uint32_t id_limit = (1u << 30) - 1;

}  // namespace policymux
