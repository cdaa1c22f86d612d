#include "rule/template.h"

namespace policymux {
namespace {

void add_text(SplitTemplate& out, std::string_view text, std::size_t offset) {
  if (text.empty()) return;
  if (out.pieces.empty() || out.pieces.back().is_name) out.pieces.push_back({.offset = offset});
  out.pieces.back().text += text;
}

}  // namespace

SplitTemplate split_template(std::string_view text) {
  SplitTemplate out;
  for (std::size_t at = 0; at < text.size();) {
    const auto open = text.find("${", at);
    if (open == text.npos) {
      add_text(out, text.substr(at), at);
      break;
    }
    if (open > at && text[open - 1] == '$') {  // "$${": one of the two goes
      add_text(out, text.substr(at, open - at - 1), at);
      add_text(out, "${", open - 1);
      at = open + 2;
      continue;
    }
    add_text(out, text.substr(at, open - at), at);
    const auto close = text.find('}', open);
    if (close == text.npos) {
      out.unterminated = open;
      break;
    }
    out.pieces.push_back(
        {.is_name = true, .text = std::string{text.substr(open + 2, close - open - 2)}, .offset = open});
    at = close + 1;
  }
  return out;
}

}  // namespace policymux
