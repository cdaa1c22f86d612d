// RE2, as this room uses it: the one place that knows its options and its string type.
#pragma once

#include <re2/re2.h>
#include <re2/set.h>

#include <cstdint>
#include <string_view>

namespace policymux::linear {

// RE2 of Debian 12 takes its own StringPiece, later ones absl::string_view.
#if __has_include(<re2/stringpiece.h>)
using Text = re2::StringPiece;
#else
using Text = absl::string_view;
#endif
inline Text text(std::string_view view) {
  return {view.data(), view.size()};
}

// Translations carry their own case flags and capture nothing.
inline RE2::Options options(bool utf8, std::int64_t memory) {
  RE2::Options options;
  options.set_encoding(utf8 ? RE2::Options::EncodingUTF8 : RE2::Options::EncodingLatin1);
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_max_mem(memory);
  return options;
}

}  // namespace policymux::linear
