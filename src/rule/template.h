// "${...}" in texts: where the names are. What they mean is the checker's business.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace policymux {

struct TemplatePiece {
  bool is_name = false;   // of "${name}"; otherwise text to be taken as it stands
  std::string text{};
  std::size_t offset = 0; // of the piece's first byte, of "${" for a name
};

struct SplitTemplate {
  std::vector<TemplatePiece> pieces{};            // never two texts in a row, never an empty text
  std::optional<std::size_t> unterminated{};      // the offset of a "${" that has no "}"; it is left out
};

// "$${" is a literal "${"; "$" without "{" is itself.
SplitTemplate split_template(std::string_view text);

}  // namespace policymux
