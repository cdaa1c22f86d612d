// A text that requests are told apart by, as a number.
#pragma once

#include <cstdint>
#include <string_view>

namespace policymux {

// Equal for equal texts, and hardly ever for others. 0: the text is empty.
std::uint64_t text_key(std::string_view text);

}  // namespace policymux
