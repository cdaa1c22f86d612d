#include "upstream/text_key.h"

#include <algorithm>

#include <xxhash.h>

namespace policymux {

std::uint64_t text_key(std::string_view text) {
  return text.empty() ? 0 : std::max<std::uint64_t>(1, XXH3_64bits(text.data(), text.size()));
}

}  // namespace policymux
