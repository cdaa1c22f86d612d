#include "match/backtracking.h"

#include <new>

namespace policymux {

namespace {

constexpr std::uint32_t depth_limit = 1'000, heap_limit_kib = 1024;

std::string message(int error) {
  PCRE2_UCHAR buffer[256] = {};
  pcre2_get_error_message(error, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

}  // namespace

Result<Backtracker, std::string> Backtracker::compile(std::string_view pattern, bool utf8) {
  int error = 0;
  PCRE2_SIZE at = 0;
  const std::uint32_t options = PCRE2_DOLLAR_ENDONLY | (utf8 ? PCRE2_UTF | PCRE2_MATCH_INVALID_UTF : 0);
  Backtracker made;
  made.code_.reset(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), options, &error, &at, nullptr));
  if (!made.code_) return Unexpected{message(error)};
  pcre2_jit_compile(made.code_.get(), PCRE2_JIT_COMPLETE);  // without it matching is slower, not different
  made.data_.reset(pcre2_match_data_create(1, nullptr));
  made.context_.reset(pcre2_match_context_create(nullptr));
  if (!made.data_ || !made.context_) throw std::bad_alloc{};
  pcre2_set_depth_limit(made.context_.get(), depth_limit);
  pcre2_set_heap_limit(made.context_.get(), heap_limit_kib);
  return made;
}

Found Backtracker::search(std::string_view value) const {
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(value.empty() ? "" : value.data());
  pcre2_set_match_limit(context_.get(), step_limit(value.size()));
  const int found = pcre2_match(code_.get(), subject, value.size(), 0, 0, data_.get(), context_.get());
  if (found >= 0) return Found::yes;
  return found == PCRE2_ERROR_NOMATCH ? Found::no : Found::gave_up;
}

}  // namespace policymux
