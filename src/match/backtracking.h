// PCRE2, as this room uses it: for what cannot be matched in linear time, under a limit on its work.
#pragma once

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <policymux/result.h>

#include "match/regex.h"

namespace policymux {

// Limits: 10,000 match steps from each place of the value, 1,000,000 from all places together; 1 MiB of heap. A step
// is one try of a group or of a repeated item. Not for two threads at once.
class Backtracker {
 public:
  // How many steps from each place. The engine counts anew for each.
  static constexpr std::uint32_t step_limit(std::size_t value_size) {
    const auto share = most_steps / (value_size + 1);
    return static_cast<std::uint32_t>(std::clamp<std::size_t>(share, 1, most_steps_from_a_place));
  }
  static constexpr std::size_t most_steps = 1'000'000, most_steps_from_a_place = 10'000;

  // `pattern`: a Translation for PCRE2.
  static Result<Backtracker, std::string> compile(std::string_view pattern, bool utf8);

  Found search(std::string_view value) const;

 private:
  struct Free {
    void operator()(pcre2_code* code) const { pcre2_code_free(code); }
    void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
    void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
  };
  std::unique_ptr<pcre2_code, Free> code_;
  std::unique_ptr<pcre2_match_data, Free> data_;
  std::unique_ptr<pcre2_match_context, Free> context_;
};

}  // namespace policymux
