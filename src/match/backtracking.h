// PCRE2, as this room uses it: for what cannot be matched in linear time, under a limit on its work.
#pragma once

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <memory>
#include <string>
#include <string_view>

#include <policymux/result.h>

#include "match/regex.h"

namespace policymux {

// Limits: 10,000 match steps, 1 MiB of heap. Not for two threads at once.
class Backtracker {
 public:
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
