// One answer of a policy server, read as it arrives and checked before anybody sees it.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <policymux/action.h>

#include "upstream/figures.h"

namespace policymux {

inline constexpr std::size_t reply_limit = 8 * 1024;  // bytes, the empty line included

//   Owns    what has arrived of the answer, at most reply_limit bytes.
//   Errors  a Failure: garbage, too_long, invalid_action; what ended too early: closed, cut.
class ReplyReader {
 public:
  struct Verdict {
    std::optional<Failure> failure{};
    std::string detail{};    // of an invalid action: what is wrong with it
    CheckedAction action{};  // REQUIRES: no failure
    bool surplus = false;    // something came behind the answer
  };

  // The next piece. Nothing: the answer is not complete yet. After a verdict the next piece begins a new answer.
  std::optional<Verdict> read(std::string_view piece, std::span<const std::string> restriction_classes);

  // The stream has ended.
  Failure end() const { return begun_.empty() ? Failure::closed : Failure::cut; }
  bool begun() const { return !begun_.empty(); }

 private:
  std::string begun_;
};

}  // namespace policymux
