// For warnings that a host may cause as often as it likes.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.h"

namespace policymux {

//   Memory  at most hosts_remembered entries; a full table forgets all.
//   Cost    O(1), and a copy of the name.
class OncePerHost {
 public:
  static constexpr std::chrono::minutes tell_again_after{10};
  static constexpr std::size_t hosts_remembered = 1000;

  // Has nothing been told about `host` lately? From then on something has.
  bool first(std::string_view host, SteadyTime now);

 private:
  std::unordered_map<std::string, SteadyTime> told_;
};

}  // namespace policymux
